"""A policy behind OpenAI's API, until Ctrl-C."""

import asyncio
import sys
from pathlib import Path

import uvicorn

from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.cli.candidate import candidate
from simctl.cli.listening import listen, url
from simctl.cli.openai import OpenAI
from simctl.cli.serving import held, serve


def serve_policy(  # noqa: PLR0913 - what a command line may say
    policy: str, version: int | None, *, host: str, port: int, name: str | None, runs_dir: Path
) -> None:
    """Serve a policy at an address; print where, once it listens.

    Raises:
        UserError: there is no such policy, or the address is taken.
    """
    found = candidate(policy, version, runs_dir)
    quiescence = Quiescence()
    sampler = serve(found.recipe, found.path, found.version, quiescence, ())
    app = OpenAI(sampler, Vocabulary(found.path), quiescence, name or policy)
    listening = listen(host, port)
    sys.stderr.write(f"serves {policy} v{found.version} at {url(listening)}/v1\n")
    config = uvicorn.Config(app.application(), log_config=None, access_log=False, lifespan="on")
    with held(sampler):
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
