"""vLLM as a run's engine: found or begun as the recipe says."""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.transformers import EXACT, ROUGH
from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import MODEL, Launch
from simctl.agents.policy.vllm.proof import difference
from simctl.agents.policy.vllm.sampler import VllmSampler
from simctl.agents.policy.vllm.server import Remote
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.cli.policies import PolicyError
from simctl.cli.recipe import Recipe


def _nobody(_: str) -> None:
    """Hear nothing."""


@dataclass(frozen=True)
class Place:
    """Where a server that is begun keeps its files, and who hears what it does.

    `base` are the weights to which the adapters of later versions belong.
    """

    home: Path | None = None
    tell: Callable[[str], None] = _nobody
    base: Path | None = None


def check(recipe: Recipe, path: Path) -> None:
    """See that a policy could be served, without beginning a server.

    Raises:
        PolicyError: no answer of it would end, there is no vLLM, or it cannot sleep and must.
    """
    _vocabulary(path)
    if not recipe.sampler.url:
        _command(recipe)
    if recipe.sampler.sleep:
        _insist_on_sleep(recipe)


def sampler(
    recipe: Recipe, path: Path, version: int, quiescence: Quiescence, place: Place
) -> VllmSampler:
    """Return a sampler of the policy in `path` at the server that the recipe names, or its own.

    Raises:
        PolicyError: there is no such server, or it does not serve the policy.
    """
    check(recipe, path)
    settings = recipe.sampler
    if settings.url:
        server: Remote | Child = Remote(settings.url)
        model, exact, where = settings.model, settings.dtype == "float32", settings.url
    else:
        launch = _launch(recipe)
        home = place.home or Path(tempfile.mkdtemp(prefix="simctl-vllm-"))
        server = Child(launch, home, place.tell)
        model, exact, where = MODEL, launch.kept == "float32", settings.command
    try:
        begun = VllmSampler(
            server,
            model,
            path,
            version,
            quiescence=quiescence,
            tolerance=settings.probe_bound or (EXACT if exact else ROUGH),
            base=place.base,
            sleeps=settings.sleep,
        )
        if not server.own:
            _prove(begun, path)
    except EndpointError as error:
        server.close()
        raise PolicyError(f"{where}: {error}") from error
    return begun


def _prove(begun: VllmSampler, path: Path) -> None:
    """See that a server which has read a policy in the place of another serves it.

    Raises:
        EndpointError: it serves something else.
    """
    delta = difference(begun, path)
    if not delta <= begun.tolerance:
        raise EndpointError(
            f"the server says that it loaded {path}, and its log-probabilities are {delta:.3g} "
            f"nats from that policy's (bound {begun.tolerance}): start the server again, with "
            "that policy"
        )


def _launch(recipe: Recipe) -> Launch:
    settings, lora = recipe.sampler, recipe.trainer.lora
    return Launch(
        command=_command(recipe),
        env=dict(os.environ),
        arguments=settings.arguments,
        device=settings.device,
        dtype=settings.dtype,
        rank=lora.r if lora is not None and recipe.learns else 0,
        sleeps=settings.sleep,
    )


def _insist_on_sleep(recipe: Recipe) -> None:
    """See that a server can sleep, before anything waits for it.

    Raises:
        PolicyError: it cannot, or does not say.
    """
    url = recipe.sampler.url
    if not url:
        if _launch(recipe).cpu:
            raise PolicyError(
                "sampler.sleep is there, and vLLM cannot sleep on a CPU: remove it, or let "
                "sampler.device be a GPU that this machine has"
            )
        return
    try:
        sleeps = Remote(url).can_sleep()
    except EndpointError as error:
        raise PolicyError(f"sampler.sleep is there, and {url} does not answer: {error}") from error
    if not sleeps:
        raise PolicyError(
            f"sampler.sleep is there, and the server at {url} cannot sleep: begin it with "
            "--enable-sleep-mode, on a GPU, or remove sampler.sleep"
        )


def _command(recipe: Recipe) -> tuple[str, ...]:
    """Return the words that begin a server; the first is found on PATH, or beside this Python."""
    first, *others = shlex.split(recipe.sampler.command) or [""]
    found = shutil.which(first) or shutil.which(first, path=str(Path(sys.executable).parent))
    if found is None:
        raise PolicyError(
            f'sampler.command "{recipe.sampler.command}": there is no such program. vLLM wants an '
            "environment of its own: python -m venv VENV && VENV/bin/pip install vllm; then name "
            "it with --set sampler.command='VENV/bin/vllm serve', or give the sampler.url of a "
            "server that runs"
        )
    return (str(Path(found).absolute()), *others)


def _vocabulary(path: Path) -> Vocabulary:
    try:
        return Vocabulary(path)
    except ValueError as error:
        raise PolicyError(f"policy {error}") from error
