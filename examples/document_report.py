"""A report by a language model over many documents: each document is read once, whatever interrupts the work.

The model is whatever speaks OpenAI's chat completions at MODEL_URL; a local one needs no key.
"""

import os

import httpx
from pydantic import BaseModel

from outlast import Outlast, RetryAfter, step

MODEL_URL = os.environ.get("MODEL_URL", "http://localhost:11434/v1")
MODEL = os.environ.get("MODEL", "qwen3:8b")
AT_ONCE = int(os.environ.get("AT_ONCE", "8"))
"""Requests of one session to the model at the same time."""

outlast = Outlast(title="Reports")


class Document(BaseModel):
    name: str
    text: str


class Report(BaseModel):
    conclusion: str
    summaries: dict[str, str]


class Message(BaseModel):
    content: str


class Choice(BaseModel):
    message: Message


class Completion(BaseModel):
    choices: list[Choice]


async def ask(question: str) -> str:
    async with httpx.AsyncClient(timeout=120) as client:
        body = {"model": MODEL, "messages": [{"role": "user", "content": question}]}
        answer = await client.post(f"{MODEL_URL}/chat/completions", json=body)
    if answer.status_code == 429:  # the next attempt goes on after the documents read so far
        raise RetryAfter(answer.headers.get("Retry-After", 30), "The model has no time for us now.")
    answer.raise_for_status()
    return Completion.model_validate_json(answer.content).choices[0].message.content


def by_name(document: Document) -> str:
    return document.name


@step("Reading the documents", weight=5, key=by_name)
async def summarise(document: Document) -> str:
    return await ask(f"Summarise this document in one sentence.\n\n{document.text}")


@step("Drawing the conclusion")
async def conclude(summaries: dict[str, str]) -> str:
    return await ask("What do these documents say together?\n\n" + "\n".join(summaries.values()))


@outlast.analysis("report", steps=[summarise, conclude], timeout=3600, max_attempts=10)
async def report_on(documents: list[Document]) -> Report:
    read = await summarise.map(documents, at_once=AT_ONCE)
    summaries = {document.name: summary for document, summary in zip(documents, read, strict=True)}
    return Report(conclusion=await conclude(summaries), summaries=summaries)


app = outlast.asgi()
