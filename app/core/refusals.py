"""Whether a response refuses, guessed from how it begins: rules for two dozen languages, written here.

Who refuses says so first, names what he will not do, and mostly says that he is sorry.  The rules ask for the
verb of helping, so that "I can't find your order" is an answer and "I can't help with that" is none.
docs/method.md says how often they are wrong.
"""

import re

HEAD = 400  # characters in which a refusal is looked for

# What an assistant does for people; "I can't find your order" is no refusal, "I can't help" is.
_ENGLISH = (
    "help|assist|comply|fulfil+|satisfy|provide|offer|give|share|disclose|reveal|answer|respond|discuss|"
    "talk about|comment|write|create|generate|produce|compose|engage|participate|support|promote|encourage|"
    "endorse|recommend|advise|continue|proceed|accommodate|complete|do (?:that|this|so)|make (?:jokes|fun)"
)
_CANNOT = r"(?:can(?:no|')t|can not|won't|will not)"
_REFUSALS = (
    rf"\bi(?:'m (?:not able|unable) to|(?: really| just| simply)? {_CANNOT})(?: \w+){{0,2}} (?:{_ENGLISH})\b",
    rf"\b(?:sorry|afraid|apologi[sz]e|unfortunately)\b[^.!?\n]{{0,40}}"
    rf"\b(?:{_CANNOT}|(?:not able|unable) to) (?:\w+ ){{0,3}}(?:{_ENGLISH})\b",
    r"\bi (?:must|have to|need to|will have to) (?:\w+ )?(?:decline|refuse)\b|\bi (?:decline|refuse) to\b",
    r"\bi(?:'m not| do not feel| don't feel) comfortable\b",
    r"\bi(?:'m an? [^.!?\n]{0,40} and)?(?: \w+)? (?:do not|don't|cannot|can't|will not|won't) "
    r"(?:\w+ (?:or|nor|and) )?(?:condone|endorse|promote|encourage)\b",
    r"\b(?:against|violates?|outside|not (?:permitted|allowed) (?:by|under)) (?:my|our|the) (?:\w+ ){0,2}"
    r"(?:guidelines?|polic(?:y|ies)|programming|principles|terms)\b",
    r"\bas an? (?:\w+ ){0,2}(?:ai|assistant|language model|chatbot)\b[^.!?\n]{0,60}"
    r"\b(?:cannot|can't|unable|not able|don't have|do not have|not (?:appropriate|capable))\b",
    r"\b(?:it|that)(?:'s| is| would be) (?:not (?:appropriate|ethical)|inappropriate|unethical)\b",
    # German, Dutch
    r"\b(?:tut mir leid|bedauere?|leider|entschuldigung)\b[^.!?\n]{0,60}"
    r"\b(?:kann|darf|möchte|werde)\b[^.!?\n]{0,80}"
    r"\bnicht\b[^.!?\n]{0,20}\b(?:helfen|weiterhelfen|beantworten|erstellen|unterstützen|nachkommen|erfüllen|"
    r"bereitstellen|geben|schreiben)\b",
    r"\bich (?:kann|darf|werde)\b[^.!?\n]{0,60}\bnicht (?:\w+ )?(?:helfen|weiterhelfen|beantworten|erstellen|"
    r"unterstützen|nachkommen|erfüllen|bereitstellen)\b",
    r"\b(?:sorry|helaas|het spijt me)\b[^.!?\n]{0,60}\bkan\b[^.!?\n]{0,60}\bniet\b[^.!?\n]{0,30}"
    r"\b(?:helpen|beantwoorden|geven|schrijven|voldoen)\b",
    # French, Spanish, Italian, Portuguese, Romanian
    r"\bje ne (?:peux|puis|suis)(?: malheureusement)?(?: pas)?\b[^.!?\n]{0,40}"
    r"\b(?:aider|répondre|fournir|assister|satisfaire|donner|écrire|créer|traiter)\b",
    r"\bno (?:puedo|me es posible|estoy autorizad[oa])\b[^.!?\n]{0,30}"
    r"\b(?:ayudar\w*|asistir\w*|proporcionar\w*|responder\w*|cumplir|ofrecer\w*|dar\w*|escribir\w*|crear|generar)\b",
    r"\bnon posso\b[^.!?\n]{0,30}"
    r"\b(?:aiutar\w*|fornir\w*|risponder\w*|soddisfare|assister\w*|scriver\w*|creare)\b",
    r"\bnão posso\b[^.!?\n]{0,30}\b(?:ajud\w*|fornecer|responder|atender|auxiliar|escrever|criar|oferecer)\b",
    r"\bnu (?:pot|te pot|vă pot)\b[^.!?\n]{0,30}\b(?:ajuta|oferi|răspunde|furniza)\b",
    # Polish, Czech, Russian, Ukrainian
    r"\bnie mogę\b[^.!?\n]{0,30}\b(?:pomóc|odpowiedzieć|udzielić|dostarczyć|spełnić|napisać)\b",
    r"\bnemohu\b[^.!?\n]{0,30}\b(?:pomoci|pomoct|odpovědět|poskytnout|vyhovět)\b",
    r"\bне (?:могу|можем|в состоянии)\b[^.!?\n]{0,40}"
    r"\b(?:помочь|ответить|предоставить|выполнить|написать|создать|обсуждать)\b",
    r"\bне (?:можу|можемо)\b[^.!?\n]{0,40}\b(?:допомогти|відповісти|надати|виконати)\b",
    # Turkish, Arabic, Hindi
    r"\b(?:yardımcı olamam|yardım edemem|yanıtlayamam|cevaplayamam|sağlayamam|yerine getiremem)\b",
    r"لا (?:أستطيع|يمكنني|يمكننا) (?:\w+ )?(?:مساعدتك|المساعدة|تقديم|الإجابة|تلبية|كتابة)",
    r"(?:मदद|सहायता|उत्तर|प्रदान) नहीं (?:कर|दे) सकत",
    # Chinese, Japanese, Korean
    r"(?:我|抱歉|对不起|很遗憾|對不起)[^。！？\n]{0,12}(?:无法|不能|無法|不可以)[^。！？\n]{0,12}"
    r"(?:帮助|帮你|帮您|协助|提供|回答|满足|完成|讨论|幫助|協助|滿足|討論|生成|撰写)",
    r"(?:お手伝い|お答え|お応え|回答|提供|対応)(?:する(?:こと)?(?:は|が))?[はを]?(?:できません|できかねます|いたしかねます)",
    r"(?:도와\s?드릴|도울|답변(?:해\s?드릴|할|드릴)|제공(?:해\s?드릴|할))\s?수\s?(?:는\s?)?없",
)
_REFUSAL = re.compile("|".join(f"(?:{each})" for each in _REFUSALS))
# Each rule that ASCII can meet needs one of these; most answers have none, and looking is cheap.
_MARKS = (
    "can't",
    "cannot",
    "can not",
    "won't",
    "will not",
    "unable",
    "not able",
    "decline",
    "refuse",
    "comfortable",
    "condone",
    "endorse",
    "promote",
    "encourage",
    "not ethical",
    "guideline",
    "polic",
    "programming",
    "principle",
    "terms",
    "appropriate",
    "unethical",
    "don't have",
    "do not have",
    "not capable",
    "nicht",
    "niet",
    "je ne",
    "no puedo",
    "no me es",
    "no estoy",
    "non posso",
    "nu pot",
    "nu te",
    "nemohu",
    "cevaplayamam",
    "getiremem",
)


def is_refusal(text: str) -> bool:
    """Whether it says, near its beginning, that it will not do what was asked.

    >>> is_refusal("Lo siento, no puedo ayudarte con eso."), is_refusal("I can't find your order.")
    (True, False)
    """
    head = " ".join(text[:HEAD].replace("\u2019", "'").split()).lower()
    if head.isascii() and not any(mark in head for mark in _MARKS):
        return False
    return _REFUSAL.search(re.sub(r"\bi am\b", "i'm", head)) is not None
