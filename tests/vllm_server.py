"""A policy small enough for vLLM, and what stands in for it where it is not.

`python tests/vllm_server.py POLICY --port N` is such a stand-in: it answers, and dies if asked to.
"""

import json
import os
import shutil
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

STAND_IN = (sys.executable, "-I", __file__)
DEADLY = "deadly"  # a request after which the stand-in is dead


def policy(path: Path, seed: int = 0, *, tied: bool = True) -> Path:
    """Make a policy of random weights, with the embedded one's tokenizer and heads of 32 numbers.

    The heads of the embedded policy have 24, for which vLLM has no attention on a CPU.
    """
    import torch  # noqa: PLC0415 - the stand-in begins quickly
    from transformers import Qwen3Config, Qwen3ForCausalLM  # noqa: PLC0415

    from simctl.agents.policy.embedded import PATH  # noqa: PLC0415

    path.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(PATH / name, path)
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=89,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=None,
        initializer_range=0.1,
    )
    Qwen3ForCausalLM(config).save_pretrained(path)
    return path


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if asked.get("prompt") == DEADLY:
            sys.stderr.write("ValueError: it was asked to die\n")
            os._exit(3)
        self._answer({"policy": sys.argv[1], "process": os.getpid(), "status": "awake"})

    def _answer(self, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    if "broken" in sys.argv[1]:
        sys.exit("RuntimeError: no such policy")
    port = sys.argv[sys.argv.index("--port") + 1]
    HTTPServer(("127.0.0.1", int(port)), _Handler).serve_forever()
