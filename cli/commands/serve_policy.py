"""simctl serve-policy."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Policy, RunsDir, Version


def command(  # noqa: PLR0913 - one parameter an option
    policy: Policy,
    *,
    version: Version = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where it listens")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="At which port; 0 for a free one")
    ] = 8000,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the model is called there")
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Serve a policy by OpenAI's API, with token ids and log-probabilities.

    What the API leaves out is as vLLM has it: prompts as token ids, return_token_ids and
    prompt_logprobs. There is no password: let it listen where nobody else is. Ctrl-C ends it.
    """
    from simctl.cli.policy_server import serve_policy

    serve_policy(policy, version, host=host, port=port, name=name, runs_dir=runs_dir)
