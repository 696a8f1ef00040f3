"""A policy behind OpenAI's API, until Ctrl-C."""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.cli.candidate import candidate
from simctl.cli.errors import UserError
from simctl.cli.openai import OpenAI
from simctl.cli.serving import serve


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
    listening = _listening(host, port)
    at = listening.getsockname()
    sys.stderr.write(f"serves {policy} v{found.version} at http://{at[0]}:{at[1]}/v1\n")
    config = uvicorn.Config(app.application(), log_config=None, access_log=False, lifespan="on")
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror}") from error
