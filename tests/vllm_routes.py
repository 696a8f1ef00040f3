"""vLLM's routes over transformers, as far as simctl goes them; it sleeps, and lies, if told to.

`python tests/vllm_routes.py POLICY --port N` is such a server; with --lies its reloads lie.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import uvicorn
from safetensors.torch import load_file, save_file
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

if __name__ == "__main__":  # who begins a server hands it no packages of ours
    sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.cli.openai import OpenAI
from simctl.store.policies import WEIGHTS


class Held(TransformersSampler):
    """What such a server holds. Asleep it answers nothing; vLLM lets whoever asks it then wait."""

    asleep = False
    disturbed = 0  # questions in its sleep

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request."""
        if self.asleep:
            self.disturbed += 1
            raise ValueError("it was asked while it slept")
        return await super().sample(requests)


Reload = Callable[[Held, Path], None]


def as_told(held: Held, path: Path) -> None:
    """Reload what is meant."""
    held.propose(0, path)
    held.accept()


def lying(held: Held, path: Path) -> None:
    """Say yes, and hold neither the old weights nor the new ones."""
    with tempfile.TemporaryDirectory() as place:
        moved(path, Path(place), seed=9)
        as_told(held, Path(place))


def moved(path: Path, target: Path, seed: int) -> None:
    """Write the policy in `path` to `target` with other weights."""
    for file in path.glob("*.json"):
        shutil.copy(file, target)
    made = torch.Generator().manual_seed(seed)
    weights = load_file(path / WEIGHTS)
    others = {
        name: each + 0.02 * torch.randn(each.shape, generator=made)
        for name, each in weights.items()
    }
    save_file(others, target / WEIGHTS, {"format": "pt"})


class Routes:
    """The routes, and what was done by them."""

    def __init__(self, path: Path, reload: Reload = as_told, *, sleeps: bool = False) -> None:
        """Hold the policy in `path`; `reload` is how another comes into its place."""
        self._path = path
        self._quiescence = Quiescence()
        self._sleeps = sleeps
        self.held = Held(path, 0, self._quiescence)
        self.reload = reload
        self.wakes = True
        self.done: list[str] = []

    def application(self) -> Starlette:
        """Return the routes as a server takes them."""
        vocabulary = Vocabulary(self._path)
        return OpenAI(self.held, vocabulary, self._quiescence, "policy").application(
            Route("/collective_rpc", self._rpc, methods=["POST"]),
            Route("/reset_prefix_cache", self._reset, methods=["POST"]),
            Route("/server_info", self._info),
            Route("/sleep", self._sleep, methods=["POST"]),
            Route("/wake_up", self._wake, methods=["POST"]),
        )

    async def _rpc(self, http: HttpRequest) -> JSONResponse:
        asked = await http.json()
        assert asked["method"] == "reload_weights"
        self.done.append("reload")
        path = Path(asked["kwargs"]["weights_path"])
        await asyncio.to_thread(self.reload, self.held, path)
        return JSONResponse({"results": [None]})

    async def _reset(self, _: HttpRequest) -> JSONResponse:
        return JSONResponse({"success": True})

    async def _info(self, http: HttpRequest) -> JSONResponse:
        assert http.query_params["config_format"] == "json"
        model = {"enable_sleep_mode": self._sleeps}
        return JSONResponse({"vllm_config": {"model_config": model}})

    async def _sleep(self, http: HttpRequest) -> JSONResponse:
        level = http.query_params.get("level", "1")
        self.done.append(f"sleep {level}")
        self.held.asleep = True
        return JSONResponse({"status": "sleeping", "level": int(level)})

    async def _wake(self, _: HttpRequest) -> JSONResponse:
        self.done.append("wake")
        self.held.asleep = not self.wakes
        status = "awake" if self.wakes else "sleeping"
        return JSONResponse({"status": status, "tags": None})


def main() -> None:
    """Serve until the end."""
    words = argparse.ArgumentParser()
    words.add_argument("policy", type=Path)
    words.add_argument("--port", type=int)
    words.add_argument("--lies", action="store_true")
    words.add_argument("--enable-sleep-mode", action="store_true")
    said, _ = words.parse_known_args()
    how = lying if said.lies else as_told
    routes = Routes(said.policy, how, sleeps=said.enable_sleep_mode)
    uvicorn.run(routes.application(), port=said.port, log_config=None)


if __name__ == "__main__":
    main()
