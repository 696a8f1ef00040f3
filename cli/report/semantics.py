"""Semantics: what spans are called and say, in the words of OpenTelemetry's conventions for GenAI.

An ask invokes an agent, what a model said is a text completion, a grade is an evaluation. What they
have no word for begins with `simctl.`. Names are written out: those of the package are experimental
and move, those of an exported span must not.
"""

import json

from simctl.bus.asks import Ask, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, BatchBuilt, PolicyUpdated
from simctl.cli.report.sayings import Reader
from simctl.cli.report.spans import Attribute

PROVIDER = "simctl"
_INVOKES, _COMPLETES = "invoke_agent", "text_completion"


def is_call(event: Event) -> bool:
    """Tell whether an event is what a model said when it was asked."""
    return event.utterance is not None and event.policy_version is not None


def name(event: Event, run: str) -> str:
    """Return what the span of an event is called."""
    if isinstance(event.message, Ask):
        return f"{_INVOKES} {event.recipient}"
    if is_call(event):
        return f"{_COMPLETES} {run}"
    if isinstance(event.message, PolicyUpdated):
        return f"train v{event.message.version}"
    return f"round {event.round}" if event.kind == "round_started" else event.kind


def attributes(event: Event, run: str, read: Reader) -> dict[str, Attribute]:
    """Return what the span of an event says."""
    found: dict[str, Attribute] = {
        "simctl.seq": event.seq,
        "simctl.kind": event.kind,
        "simctl.round": event.round,
        "simctl.sender": event.sender,
        "simctl.hash": event.hash,
    }
    if event.episode:
        found["gen_ai.conversation.id"] = event.episode
    if event.recipient:
        found["simctl.recipient"] = event.recipient
    if event.task is not None:
        found["simctl.task"] = event.task
    if is_call(event):
        return found | _call(event, run, read)
    return found | _rest(event)


def _rest(event: Event) -> dict[str, Attribute]:
    match event.message:
        case Ask() as ask:
            return _asked(event, ask)
        case AnswerGraded(of=of, role=role, reward=reward):
            return {
                "gen_ai.evaluation.name": f"reward/{role}",
                "gen_ai.evaluation.score.value": reward,
                "simctl.of": of,
                "simctl.message": event.payload,
            }
        case BatchBuilt(version=version, samples=samples, tokens=tokens, digest=digest):
            return {
                "simctl.version": version,
                "simctl.samples": samples,
                "simctl.tokens": tokens,
                "simctl.digest": digest,
            }
        case PolicyUpdated(version=version, sha256=sha256, metrics=metrics):
            numbers: dict[str, Attribute] = {f"simctl.metric.{k}": v for k, v in metrics.items()}
            return {"simctl.version": version, "simctl.sha256": sha256, **numbers}
        case _:
            return {"simctl.message": event.payload}


def _asked(event: Event, ask: Ask) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {
        "gen_ai.operation.name": _INVOKES,
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.agent.name": event.recipient,
        "gen_ai.request.temperature": ask.sampling.temperature,
        "gen_ai.request.max_tokens": ask.sampling.max_completion_length,
        "simctl.message": event.payload,
    }
    if isinstance(ask, SolveTask):
        found["gen_ai.request.choice.count"] = ask.n
    return found


def _call(event: Event, run: str, read: Reader) -> dict[str, Attribute]:
    said = event.utterance
    if said is None:
        return {}
    cut = bool(getattr(event.message, "truncated", False))
    reason = "length" if cut else "stop"
    return {
        "gen_ai.operation.name": _COMPLETES,
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.agent.name": event.sender,
        "gen_ai.request.model": run,
        "gen_ai.response.model": f"{run}/v{event.policy_version:06d}",
        "gen_ai.response.id": str(event.id),
        "gen_ai.response.finish_reasons": [reason],
        "gen_ai.output.type": "text",
        "gen_ai.usage.input_tokens": len(said.prompt_tokens),
        "gen_ai.usage.output_tokens": len(said.tokens),
        "gen_ai.input.messages": _messages("user", read(said.prompt_tokens)),
        "gen_ai.output.messages": _messages("assistant", read(said.tokens), reason),
        "simctl.message": event.payload,
    }


def _messages(role: str, text: str, reason: str = "") -> str:
    """Return one message as the JSON that the conventions want."""
    message: dict[str, object] = {"role": role, "parts": [{"type": "text", "content": text}]}
    if reason:
        message["finish_reason"] = reason
    return json.dumps([message], ensure_ascii=False)
