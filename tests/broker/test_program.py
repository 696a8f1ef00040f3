import signal
import subprocess

from simctl.cli.broker.program import Broker

# it hears the first SIGTERM and goes on, as mosquitto does when it has only just begun
DEAF = "trap 'trap - TERM' TERM; echo running >&2; while :; do sleep 0.05; done"


def test_a_signal_that_was_lost_on_it_is_sent_again():
    with subprocess.Popen(["/bin/sh", "-c", DEAF], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "running\n"
        broker = Broker(process, lambda _: None)
        broker.send(signal.SIGTERM)
        assert broker.wait() == -signal.SIGTERM
