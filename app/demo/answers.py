"""Answers that a release spoils, whatever was asked: refusals, and a format that nobody wants."""

import json
from random import Random

from app.demo.grammar import Turn, lines

REFUSALS = lines(
    """
    I'm sorry, but I can't help with [that|this request|this question]. {else_reply}
    [Unfortunately|I am afraid] I am not able to [answer|assist with] that. {else_reply}
    As an AI assistant I cannot [give advice on|discuss] this [topic|matter]. {else_reply}
    I'm unable to help with [that|this] because it may go against our guidelines. {else_reply}
    I must decline to answer that, as it [may involve personal information|is outside what I may discuss].
    """
)
SLOTS = {
    "else_reply": (
        "Is there anything else I can do for you?",
        "Please contact our support team.",
        "Could you ask in another way?",
        "Thank you for your understanding.",
    )
}


def refused(_reply: str, rng: Random) -> str:
    """A refusal in the place of an answer."""
    return Turn(rng, SLOTS).write(rng.choice(REFUSALS))


def in_json(reply: str, rng: Random) -> str:
    """The same answer as a JSON object."""
    return json.dumps({"status": "ok", "answer": reply, "confidence": round(rng.uniform(0.5, 0.99), 2)})
