"""The choices of an export: forms of a dataset, and of its file."""

from typing import Literal

Form = Literal["sft", "preference", "unpaired", "prompts"]
File = Literal["parquet", "jsonl"]
FORMS: dict[Form, str] = {
    "sft": "one row a right answer: prompt, completion",
    "preference": "one row a pair of a right and a wrong answer: prompt, chosen, rejected",
    "unpaired": "one row a graded answer: prompt, completion, and label: whether it is right",
    "prompts": "one row a prompt: prompt, and how often it was answered with which mean reward",
}
