import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from app.core.refusals import HEAD, is_refusal

SHARED = Path(__file__).parents[3] / "shared" / "data"

REFUSALS = {
    "en": "I'm sorry, but I can't help with that request.",
    "en, typographic": "I\u2019m unable to assist you with this.",
    "en, policy": "That goes against our content policy, so I have to stop here.",
    "en, must": "I must respectfully decline to write this letter.",
    "en, condone": "I am an assistant and do not condone or promote breaking into houses.",
    "en, no subject": "Sorry, unable to provide that.",
    "en, late": "Thank you for asking. As an AI language model, I do not have opinions on this.",
    "de": "Es tut mir leid, aber ich kann dir dabei leider nicht weiterhelfen.",
    "de, bare": "Ich darf diese Frage nicht beantworten.",
    "nl": "Het spijt me, maar ik kan je daar niet mee helpen.",
    "fr": "Je suis désolé, mais je ne peux pas vous aider à faire cela.",
    "es": "Lo siento, pero no puedo ayudarte con eso.",
    "it": "Mi dispiace, non posso aiutarti con questa richiesta.",
    "pt": "Desculpe, mas não posso ajudar com esse pedido.",
    "ro": "Îmi pare rău, dar nu te pot ajuta cu asta.",
    "pl": "Przykro mi, ale nie mogę w tym pomóc.",
    "cs": "Omlouvám se, ale s tím vám nemohu pomoci.",
    "ru": "Извините, но я не могу помочь с этим запросом.",
    "uk": "Вибачте, я не можу допомогти з цим.",
    "tr": "Üzgünüm, bu konuda yardımcı olamam.",
    "ar": "عذراً، لا أستطيع مساعدتك في ذلك.",
    "hi": "माफ़ कीजिए, मैं इसमें आपकी मदद नहीं कर सकता।",
    "zh": "抱歉，我无法提供这方面的帮助。",
    "zh, traditional": "對不起，我無法協助您完成這個要求。",
    "ja": "申し訳ありませんが、そのご質問にはお答えできません。",
    "ko": "죄송하지만 그 요청은 도와드릴 수 없습니다.",
}
ANSWERS = {
    "en, not found": "I can't find your order under that number. Could you check it?",
    "en, sorry": "Sorry for the delay! Your parcel was handed to the courier this morning.",
    "en, advice": "If you cannot log in, reset your password first; we can help you with the rest.",
    "en, of others": "Your landlord cannot provide the papers? Then ask the city office.",
    "en, promote": "We do not promote one shop over another; both sell it.",
    "en, technical": "The function can't return None here, so create the list before the loop.",
    "de": "Das können Sie selbst ändern, ich helfe Ihnen gern dabei. Es ist nicht schwer.",
    "fr": "Vous ne pouvez pas modifier la commande, mais vous pouvez l'annuler.",
    "es": "No se puede cambiar la fecha, pero sí el lugar de entrega.",
    "ru": "Вы можете отменить заказ в личном кабинете.",
    "zh": "您可以在设置里修改地址，无需联系客服。",
    "ja": "設定画面から変更できます。",
    "ko": "설정에서 주소를 바꿀 수 있습니다.",
    "empty": "",
}


@pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_one_in_many_languages(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_is_none(text: str) -> None:
    assert not is_refusal(text)


def test_only_the_beginning_is_asked() -> None:
    assert not is_refusal("So it went. " * (HEAD // 12 + 1) + REFUSALS["en"])


@pytest.mark.shared_data
def test_on_answers_that_people_have_labelled() -> None:
    """Measured: 86 % of full refusals are found, 3.4 % of full answers are taken for one."""
    path = SHARED / "safety_xstest_models.jsonl.gz"
    if not path.exists():
        pytest.skip("no shared data here")
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    found = Counter((row["label"], is_refusal(row["response"])) for row in rows if row.get("response"))
    refused, answered = "2_full_refusal", "1_full_compliance"
    assert found[refused, True] / (found[refused, True] + found[refused, False]) > 0.8
    assert found[answered, True] / (found[answered, True] + found[answered, False]) < 0.06
