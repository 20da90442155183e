"""Programming languages, on texts written for this test."""

import pytest

from app.adapters.programming import programming_language


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("python", "Write a Python function that adds two numbers"),
        ("python", "def area(r):\n    return 3 * r * r"),
        ("python", "```py\nx = 1\n```"),
        ("python", "why does this fail?\nTraceback (most recent call last):\n  File 'a'"),
        ("javascript", "const total = items.length; console.log(total)"),
        ("javascript", "my React component renders twice"),
        ("typescript", "interface User {\n  name: string;\n}"),
        ("java", "public static void main(String[] args) { }"),
        ("java", "what is a hash map in Java?"),
        ("javascript", "a java script question: what does JavaScript hoist?"),
        ("c#", "How do I sort a list in C#?"),
        ("c++", "explain pointers in C++"),
        ("c", "#include <stdio.h>\nint main() { return 0; }"),
        ("c++", "#include <iostream>\nusing namespace std;"),
        ("go", "func main() { fmt.Println(1) }"),
        ("go", "How do I read a file in Go?"),
        ("rust", "fn main() { println!(1); }"),
        ("kotlin", "data class Point(val x: Int)"),
        ("swift", "func add(a: Int) -> Int { a }"),
        ("ruby", "5.times.each do |i| puts 'x' end"),
        ("php", "<?php echo 1; ?>"),
        ("r", "x <- c(1, 2, 3)"),
        ("sql", "SELECT name FROM users WHERE id = 3"),
        ("sql", "my MySQL query is slow"),
        ("shell", "a bash script that deletes old logs"),
        ("html", "<div class='a'>hello</div>"),
        ("css", ".card { margin: 0; color: red; }"),
        ("rust", "```weird\n```\n```rust\nlet x = 1;\n```"),
        (None, ""),
        (None, "what is the weather like tomorrow in Paris"),
        (None, "go to the kitchen and turn the lights off"),
        (None, "how does iron rust, and how do people react to it"),
        (None, "a swift answer please, from a to c, in capitals"),
        (None, "the ferry leaves at 8:15 (on Sundays at 9); bring $5"),
        (None, "fill in the gap: He goes to the _______ every day."),
        (None, "\ud800 \x00"),
    ],
)
def test_programming_language(name: str | None, text: str) -> None:
    assert programming_language(text) == name


def test_an_endless_text_is_read_in_part() -> None:
    assert programming_language("a " * 1_000_000 + "in Python") is None
