"""Descriptors: language and code, on texts written for this test."""

import pytest

from app.adapters.descriptors import language, looks_like_code


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "please reset my password"),
        ("en", "what is the weather like tomorrow in Paris"),
        ("en", "What does 你好 mean in English, and how is it pronounced?"),
        ("en", "please help me with this\ud800 letter to my landlord"),
        ("de", "Schreibe mir einen Brief an meinen Vermieter"),
        ("es", "¿Cuál es la capital de Francia?"),
        ("fr", "explique-moi la photosynthèse"),
        ("nl", "Wat is de hoofdstad van Nederland"),
        ("pl", "Polska jest bardzo piękna"),
        ("pt", "como faço para cozinhar arroz"),
        ("sw", "jinsi ya kupika wali"),
        ("tr", "Türkiye'nin başkenti neresi"),
        ("vi", "Thủ đô của Việt Nam là gì"),
        ("zh", "写一个程序"),
        ("zh", "请用 Python 写一个排序函数"),
        ("ja", "日本の首都はどこですか"),
        ("ja", "東京タワーの高さ"),
        ("ko", "대한민국의 수도는 어디입니까"),
        ("th", "เมืองหลวงของประเทศไทย"),
        ("te", "తెలంగాణ రాజధాని ఏది"),
        ("bn", "বাংলাদেশের রাজধানী কী"),
        ("ar", "ما هي عاصمة فرنسا"),
        ("hi", "भारत की राजधानी क्या है"),
        ("el", "Ποια είναι η πρωτεύουσα"),
        ("he", "מהי בירת צרפת"),
        ("ru", "Какой город столица"),
        (None, ""),
        (None, "hello"),
        (None, "1234567890 + 42 = ?"),
        (None, "你好"),
        (None, "qwertz asdfgh yxcvbn"),
        (None, "\ud800\udc00"),
        (None, "😀" * 50),
    ],
)
def test_language(code: str | None, text: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "def add(a, b):\n    return a + b",
        "Fix this: def f(x): return x+1",
        "Explain it:\n```python\nprint(1)\n```",
        "SELECT name FROM users WHERE id = 3",
        "select a, b from t where a > 3",
        "#include <stdio.h>\nint main() { return 0; }",
        "const x = 3;\nlet y = x + 1;\nshow(y);",
        "<div class='a'>hello</div>",
        "for (int i = 0; i < n; i++) {\n  sum += a[i];\n}",
        "x = 1\ny = 2\nprint(x + y)",
        '{"a": [1, 2], "b": {"c": null}}',
        "import numpy as np\nnp.zeros(3)",
        "public static void main(String[] args) {",
        "const f = (a, b) => a + b",
        "What does this do?\nwhile True:\n    x = next(it)\n    if x is None:\n        break\n    print(x)",
        'if [ -f "$x" ]; then rm -f "$x"; fi',
    ],
)
def test_code(text: str) -> None:
    assert looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "write a python function",
        "Write a function that returns the sum of two numbers (a and b).",
        "How do I import a class from another module in Java?",
        "Explain the difference between let and const in JavaScript.",
        "I love C++ and C#!",
        "select the best answer from the list where possible",
        "Select all that apply from A, B, C",
        "Dear Sir,\nI am writing to you;\nplease answer;\nThanks",
        "Here are my goals for the year:\n1. Read more;\n2. Run;\n3. Sleep well;",
        "f(x) = 3x^2 + 2x - 5, find x",
        "What is 3 + 4 * (2 - 1)?",
        "Shopping list:\n- eggs\n- milk\n- bread",
        "Name: Ann\nAge: 30\nCity: Rome",
        "if it rains tomorrow, what should I do?",
        "Please return the book (the red one).",
        "The class was fun: we learned a lot",
        "Rewrite: 'I am happy :)' <3",
        "Import duties from China;",
        "写一个函数，返回两个数的和。",
    ],
)
def test_words_about_code_are_not_code(text: str) -> None:
    assert not looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "(" * 100_000,
        "SELECT " * 20_000,
        "def f(" * 20_000,
        "\n" * 100_000,
        "\x00",
        "\ud800" * 99,
    ],
)
def test_hostile_text_is_answered(text: str) -> None:
    assert looks_like_code(text) in {True, False}
    assert language(text) is None or len(text) > 12
