"""A typed contract of one activity: name, input, output."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

Input = TypeVar("Input", bound=BaseModel)

Output = TypeVar("Output", bound=BaseModel)


@dataclass(frozen=True)
class Call(Generic[Input, Output]):
    """One activity as workflows know it."""

    name: str
    input: type[Input]
    output: type[Output]
