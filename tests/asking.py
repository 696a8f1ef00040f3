"""A sampler is asked as by a society: all at once, whenever nobody can go on."""

import asyncio
from collections.abc import Callable, Sequence

from simctl.agents.policy.sampler import Completion, Request, Sampler
from simctl.bus.asks import Sampling
from simctl.bus.quiescence import Quiescence

Make = Callable[[Quiescence], Sampler]


def request(prompt: str, key: int, heat: float = 1.0, length: int = 64) -> Request:
    return Request(prompt, key, Sampling(temperature=heat, max_completion_length=length))


def answer(make: Make, requests: Sequence[Request]) -> list[Completion]:
    async def ask() -> list[Completion]:
        quiescence = Quiescence()
        sampler = make(quiescence)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            said = await sampler.sample(requests)
            pump.cancel()
        return said

    return asyncio.run(ask())
