"""Enlarges a log in SQL: the rounds of a finished run many times over, in minutes and not hours.

Like `grow.py` it moves seqs, causes, tasks, rounds, versions and numbers along, so that every view
answers as for a long run; but only the last event is sealed. So it is for measuring files and
queries: `simctl store check` would refuse what comes out.

    python benchmarks/enlarge.py runs/society enlarged --events 10000000
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from simctl.bus.event import Event, rehash
from simctl.store.access import LOG, open_log
from simctl.store.database import Connection, connect, transaction
from simctl.store.rows import to_table

MEMORY = 2_000_000_000
_COPY = """
INSERT INTO events
SELECT * EXCLUDE (said) REPLACE (
    seq + {seqs} AS seq,
    uuid() AS id,
    CASE WHEN producer = episode THEN {name} ELSE producer END AS producer,
    CASE WHEN producer = episode THEN pseq ELSE pseq + {copy} * said END AS pseq,
    CASE WHEN episode = '' THEN '' ELSE {name} END AS episode,
    round + {rounds} AS round,
    cause + {seqs} AS cause,
    task + {seqs} AS task,
    policy_version + {rounds} AS policy_version,
    {payload} AS payload,
    sha256(prev_hash || {copy}) AS prev_hash,
    sha256(hash || {copy}) AS hash
)
FROM (
    SELECT *, count(*) OVER (PARTITION BY producer, epoch) AS said
    FROM events WHERE seq > 1 AND seq <= {last}
)
ORDER BY seq
"""
_LIST = (
    "array_to_string(list_transform(from_json(payload -> '$.sources', '[\"BIGINT\"]'),"
    " lambda seq: seq + {seqs}), ',')"
)


def enlarge(run_dir: Path, out: Path, events: int) -> int:
    """Write a run of about so many events to the directory `out`, and return how many it has."""
    with open_log(run_dir) as log:
        body = log.last_seq - 2  # without the start of the run and its end
        [end] = log.read(body + 1, body + 2)
        [found] = log.query("SELECT max(round) AS rounds FROM events").to_pylist()
    out.mkdir(parents=True)
    shutil.copy(run_dir / "run.toml", out)
    shutil.copy(run_dir / LOG, out)
    copies = max(1, round(events / body))
    with connect(out / LOG, memory=MEMORY) as connection:
        connection.execute(f"DELETE FROM events WHERE seq = {body + 2}")  # noqa: S608 - a number
        for copy in range(1, copies):
            connection.execute(_copy(copy, body, found["rounds"]))
        _close(connection, replace(end, seq=copies * body + 2))
        connection.execute("CHECKPOINT")
    return copies * body + 2


def _copy(copy: int, body: int, rounds: int) -> str:
    payload = "payload"
    for key, by in (
        ("task", copy * body),
        ("of", copy * body),
        ("parent_task", copy * body),
        ("version", copy * rounds),
        ("parent", copy * rounds),
    ):
        number = f"""try_cast(regexp_extract(payload, '"{key}":(\\d+)', 1) AS BIGINT) + {by}"""
        payload = (
            f"""regexp_replace({payload}, '"{key}":\\d+', '"{key}":' || coalesce({number}, 0))"""
        )
    sources = f"""'"sources":[' || {_LIST.format(seqs=copy * body)} || ']'"""
    payload = (
        f"CASE WHEN kind IN ('batch_built', 'sample_dropped')"
        f""" THEN regexp_replace({payload}, '"sources":\\[[^\\]]*\\]', {sources})"""
        f" ELSE {payload} END"
    )
    return _COPY.format(
        copy=copy,
        seqs=copy * body,
        rounds=copy * rounds,
        last=body + 1,
        name=f"'e' || (round + {copy * rounds}) || '.' || split_part(episode, '.', 2)",
        payload=payload,
    )


def _close(connection: Connection, end: Event) -> None:
    """Seal the last event: opening a log looks at it."""
    before = connection.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    assert before is not None
    unsealed = replace(end, prev_hash=before[0])
    with transaction(connection):
        connection.register("incoming", to_table([replace(unsealed, hash=rehash(unsealed))]))
        connection.execute("INSERT INTO events SELECT * FROM incoming")


def main() -> None:
    """Enlarge what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="directory of a finished run")
    parser.add_argument("out", type=Path, help="directory that is made")
    parser.add_argument("--events", type=int, default=10_000_000)
    asked = parser.parse_args()
    print(f"{enlarge(asked.run, asked.out, asked.events)} events in {asked.out / LOG}")


if __name__ == "__main__":
    main()
