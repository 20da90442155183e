"""Voices: the same question, politely, hurriedly, casually or at length."""

from dataclasses import dataclass
from random import Random

from app.demo.grammar import Topic, Turn, words

GREETINGS = words(
    """Hi, / Hello, / Hello there, / Good morning, / Good afternoon, / Hi again, / Hey, / Hi team, /
    Dear support, / Evening! / Hello! / Hiya, / Hey there!"""
)
OPENERS = words(
    """quick question: / sorry to bother you, but / I hope you can help. / this is my first time here. /
    I looked in the help pages and found nothing. / one more thing: / I could use a hand. / short one: /
    not sure where to ask this. / I am a bit lost. / my apologies if this was asked before."""
)
CLOSINGS = words(
    """Thanks! / Thank you. / Thanks in advance. / Many thanks for your help. / Please keep it short. /
    I need this {soon}. / Cheers / It is rather urgent. / Thank you so much! / No rush. / Appreciate it. /
    Please explain it simply. / A short answer is enough. / Could you double-check, please? / thx /
    Kind regards, {person} / I would rather not call. / Grateful for any hint."""
)


@dataclass(frozen=True, slots=True)
class Voice:
    """How likely a writer is to greet, to explain, to close, to misspell, and to skip capitals."""

    greeting: float
    opener: float
    context: float
    closing: float
    terse: float
    typo: float
    lower: float


PLAIN = Voice(0.08, 0.04, 0.25, 0.08, 0.10, 0.06, 0.08)
POLITE = Voice(0.60, 0.25, 0.35, 0.60, 0.02, 0.04, 0.01)
HURRIED = Voice(0.03, 0.02, 0.06, 0.10, 0.45, 0.22, 0.60)
CASUAL = Voice(0.25, 0.20, 0.25, 0.25, 0.10, 0.20, 0.50)
THOROUGH = Voice(0.30, 0.15, 0.80, 0.30, 0.01, 0.03, 0.01)
VOICES = (PLAIN, PLAIN, PLAIN, POLITE, POLITE, HURRIED, HURRIED, CASUAL, CASUAL, THOROUGH)


def misspell(text: str, rng: Random) -> str:
    """One longer word with two letters swapped, one dropped or one doubled; first and last letters stay.

    >>> misspell("please check this", Random(4))
    'plaese check this'
    """
    tokens = text.split(" ")
    places = [k for k, token in enumerate(tokens) if len(token) > 4 and token.isalpha() and token.isascii()]
    if not places:
        return text
    k = rng.choice(places)
    word = tokens[k]
    at = rng.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    tokens[k] = rng.choice((swapped, word[:at] + word[at + 1 :], word[: at + 1] + word[at:]))
    return " ".join(tokens)


def careless(text: str, voice: Voice, rng: Random) -> str:
    """The text as a hurried hand leaves it."""
    if rng.random() < voice.typo:
        text = misspell(text, rng)
    if rng.random() < voice.lower:
        text = text.lower()
        if rng.random() < 0.6:
            text = text.rstrip("?.!")
    return text


def dressed(ask: str, topic: Topic, voice: Voice, turn: Turn, rng: Random) -> str:
    """The question with what people put around it: a greeting, an opening phrase, background, a closing."""
    text = turn.write(ask)
    background = sum(rng.random() < chance for chance in (voice.context, voice.context**3))
    if topic.contexts and background:
        context = " ".join(turn.write(one) for one in rng.sample(topic.contexts, background))
        text = f"{context} {text}" if rng.random() < 0.6 else f"{text} {context}"
    elif rng.random() < voice.opener:
        opener = rng.choice(OPENERS)
        sentence_goes_on = opener[-1] != "." and text[1:2].islower() and not ask.startswith("{")
        text = f"{opener} {text[0].lower() + text[1:] if sentence_goes_on else text}"
    if rng.random() < voice.greeting:
        text = f"{rng.choice(GREETINGS)} {text}"
    if rng.random() < voice.closing:
        text = f"{text} {turn.write(rng.choice(CLOSINGS))}"
    return text[0].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Written:
    """One prompt, the assistant's reply, and whether the template brought that reply itself."""

    prompt: str
    reply: str
    answered: bool


def compose(topic: Topic, voice: Voice, rng: Random, *, follow_up: bool = False) -> Written:
    """A prompt about the topic in this voice, with a reply that speaks of the same things."""
    turn = Turn(rng, topic.slots)
    searching = not follow_up and bool(topic.terse) and rng.random() < voice.terse
    template = rng.choice(topic.follow_ups if follow_up else topic.terse if searching else topic.asks)
    ask, _, answer = template.partition(" ==> ")
    plain = follow_up or searching or not topic.styled
    text = turn.write(ask) if plain else dressed(ask, topic, voice, turn, rng)
    if topic.styled:
        text = careless(text, voice, rng)
    return Written(text, turn.write(answer or rng.choice(topic.replies)), bool(answer))
