"""A vLLM server as a sampler needs it: it is asked, and takes other weights.

The routes are those of vLLM 0.32; all but completions are its development routes, which a server
has under VLLM_SERVER_DEV_MODE=1, and adapters want VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 as well.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from simctl.agents.policy.http import EndpointError, Poster


class Server(Protocol):
    """A vLLM server, wherever it is."""

    @property
    def own(self) -> bool:
        """Whether it can begin anew with other weights."""
        ...

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return its answer to a request below /v1."""
        ...

    def begin(self, path: Path) -> None:
        """Let it hold the weights in `path`, and nothing besides."""
        ...

    def reload(self, path: Path) -> None:
        """Let it read the weights in `path` into the place of those that it holds."""
        ...

    def adapt(self, name: str, path: Path) -> None:
        """Let it hold an adapter too, as the model `name`."""
        ...

    def drop(self, name: str) -> None:
        """Let it forget an adapter."""
        ...

    def sleep(self) -> None:
        """Let it give back its GPU memory; until it wakes it answers nothing."""
        ...

    def wake(self) -> None:
        """Let it have its memory again, with the weights that it had; it may be awake."""
        ...

    def close(self) -> None:
        """Have no more to do with it."""
        ...


class Remote:
    """A server that somebody else began. It must see the run's directory at the same path."""

    own = False

    def __init__(self, url: str) -> None:
        """Ask at `url`, which ends in /v1."""
        self._poster = Poster(url)
        self._control = Poster(url.rstrip("/").removesuffix("/v1"), retries=0)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return its answer to a request below /v1."""
        return self._poster.post(path, body)

    def begin(self, path: Path) -> None:
        """Let it read the weights in `path`."""
        self.reload(path)

    def reload(self, path: Path) -> None:
        """Let it read the weights in `path` into the place of those that it holds."""
        reload(self._control, path)

    def adapt(self, name: str, path: Path) -> None:
        """Let it hold an adapter too, as the model `name`."""
        adapt(self._control, name, path)

    def drop(self, name: str) -> None:
        """Let it forget an adapter."""
        drop(self._control, name)

    def sleep(self) -> None:
        """Let it give back its GPU memory; until it wakes it answers nothing."""
        sleep(self._control)

    def wake(self) -> None:
        """Let it have its memory again, with the weights that it had; it may be awake."""
        wake(self._control)

    def can_sleep(self) -> bool:
        """Tell whether it was begun with --enable-sleep-mode.

        Without, vLLM 0.32 says yes to /sleep, keeps its memory, and answers nothing until it wakes.

        Raises:
            EndpointError: it does not tell.
        """
        config = self._control.get("server_info?config_format=json").get("vllm_config")
        model = config.get("model_config") if isinstance(config, dict) else None
        if not isinstance(model, dict):
            raise EndpointError("/server_info tells no model_config")
        return model.get("enable_sleep_mode") is True

    def close(self) -> None:
        """Leave it to whoever began it."""


def reload(control: Poster, path: Path) -> None:
    """Let a server read weights into the place of its own.

    Raises:
        EndpointError: it does not, or something is under way that the old weights began.
    """
    wanted = {"weights_path": str(path.absolute())}
    control.post("collective_rpc", {"method": "reload_weights", "kwargs": wanted})
    # what was read by other weights must not be gone on from
    reset = control.send("reset_prefix_cache", {})
    if reset.content and reset.json().get("success") is False:
        raise EndpointError("what the old weights read is still in use (/reset_prefix_cache)")


def adapt(control: Poster, name: str, path: Path) -> None:
    """Let a server load an adapter in the form of peft.

    Raises:
        EndpointError: it does not.
    """
    asked = {"lora_name": name, "lora_path": str(path.absolute())}
    control.send("v1/load_lora_adapter", asked)


def drop(control: Poster, name: str) -> None:
    """Let a server forget an adapter.

    Raises:
        EndpointError: it does not.
    """
    control.send("v1/unload_lora_adapter", {"lora_name": name})


def sleep(control: Poster) -> None:
    """Let a server sleep once it has nothing to answer.

    At level 1 its weights wait in host memory: those that were proved serve again when it wakes. At
    level 2 they would be gone, and come back by a reload, which is what has been seen to lie.

    Raises:
        EndpointError: it does not.
    """
    control.send("sleep?level=1&mode=wait", {})


def wake(control: Poster) -> None:
    """Let a server wake.

    Raises:
        EndpointError: it does not.
    """
    said = control.post("wake_up", {})
    if said.get("status") != "awake":
        raise EndpointError(f"the server was to wake, and says {said}")
