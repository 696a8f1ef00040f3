"""How a run began is in its log, wherever that is said."""

from simctl.bus.event import Draft
from simctl.bus.messages import RunStarted
from simctl.bus.workers import WorkerJoined
from simctl.store.memory_log import ListLog
from simctl.store.origins import started


def test_how_a_run_began_is_found_though_a_worker_joined_before():
    log = ListLog()
    joined = WorkerJoined(worker="w", session="s", roles=("solver",), capacity=1)
    began = RunStarted(recipe="", seed=1, policy_sha256="", machine={"python": "3"})
    assert started(log) is None
    log.place([Draft("gateway", 0, 0, joined, "gateway")])
    assert started(log) is None
    log.place([Draft("society", 0, 0, began, "society")])
    assert started(log) == began
