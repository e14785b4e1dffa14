"""Golden values of the profile `medix-r1-reference`: the paper's reward rules (arXiv 2602.23363), written anew from
their description, applied to a fixed set of adversarial rows.

Run: python3 test/parity/reward_rules.py   (standard library; writes test/golden/reward/medix-r1-reference.jsonl)

What counts is Python's own text handling (str.strip, re, str.upper, len), which is why this is Python. The judge is
the text of its reply and the embedder a cosine, exact in float32; null stands for a call that raised. The first line
tells where the rows come from. `medical.py` of the paper's repository, run with the same replies and cosines, gives
the same values (see `--against`).

    python3 test/parity/reward_rules.py --against PATH/medical.py   compares instead of writing
"""
import argparse
import importlib.util
import json
import pathlib
import platform
import random
import re
import struct
import sys
import types

ROWS = 2400
SEED = 20260223
WEIGHTS = {"judge": 0.9 * 0.575, "similarity": 0.9 * 0.375, "modality": 0.9 * 0.05, "format": 0.1}
THRESHOLD = 0.8


# The rules.

def collapse(response):
    return re.sub(r"\s*(<|>|/)\s*", r"\1", response)


def answer_of(response):
    found = re.search(r"<answer>(.*?)</answer>", response, re.DOTALL)
    return (found[1] if found else response).strip().strip(".")


def compared(response, truth, outcome):
    """1 or 0 for the answer; `outcome` turns answers that rules leave open into a truth value or raises."""
    answer = answer_of(response)
    if ">" not in truth:
        return 0
    right = truth[truth.index(">") + 1 :].strip().strip(".")
    if len(answer) < 2 or any(text in answer for text in ("__", ":", "?")):
        return 0
    if answer == right:
        return 1
    try:
        return int(outcome())
    except (AttributeError, TypeError):
        return 0


def score(row):
    response, truth = collapse(row["response"]), row["truth"]
    head, opening, rest = response.partition("<thinking>")
    block = r"<thinking>.*?</thinking>\s*<answer>.*?</answer>"
    parts = {
        "judge": compared(response, truth, lambda: "YES" in row["judge"].strip().upper()),
        "similarity": compared(response, truth, lambda: row["cosine"] >= THRESHOLD),
        "modality": int(bool(opening) and head.strip().upper() == (truth.split(">")[0] + ">").upper()),
        "format": int(bool(opening) and bool(re.fullmatch(block, (opening + rest).strip(), re.DOTALL))),
    }
    # From left to right, one rounding at a time: `sum` compensates in newer Pythons.
    overall = 0.0
    for name, value in parts.items():
        overall += WEIGHTS[name] * value
    return [overall, parts["format"], parts["judge"], parts["similarity"], parts["modality"]]


# The rows.

TAGS = ["X_RAY", "MRI_SCAN", "CT_SCAN", "CLINICAL_PHOTOGRAPHY", "OTHER", "SPECT"]
# White space to both languages, to Python alone (U+001C to U+001F, U+0085), to JavaScript alone (U+FEFF), to neither.
SPACES = [" ", "\n", "\t", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\xa0", "\u1680", "\u2003",
          "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\u200b", "\u180e"]
ANSWERS = ["Cardiomegaly", "Yes", "No", "left lung", "5 mg/dL", "size < 3 cm", "a > b", "3", "x", "é", "\U0001fac1",
           "\U0001fac1\U0001fac0", "e\u0301", "\ud83d", "\ud83dx", "", ".", "..", "a.", ".a", "T2. hyperintense", "ratio: high",
           "normal?", "snake_case", "a__b", "__", "straße", "İstanbul", "ﬂuid", "\x00\x01", "1/2", "and/or", "</thinking>",
           "<thinking>", "<answer>", "pneumonia. effusion", "\ufeffYes", "Yes\u200b", "naïve"]
REPLIES = ["YES", "Yes.", "yes", " yes \n", "NO", "No.", "No, not YES", "NOT YES", "EYES", "yeß", "yeſ", "YeS!", "Y ES", "",
           "ＹＥＳ", "yéS", "maybe", "**YES**", "{\"correct\": true}", "\x85yes\x1f", "y\u0065s", "ye\u200bs", None]
PIECES = ["<thinking>", "</thinking>", "<answer>", "</answer>", "<think>", "</think>", "<X_RAY>", "<x_ray>", "<MRI_SCAN>",
          "<", ">", "/", ".", ":", "?", "__", "_", "Yes", "No", "a", "mass", "X_RAY"]


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


COSINES = [float32(c) for c in (-1, -0.25, 0, 0.5, 0.79, 0.8, 0.81, 0.95, 1)]
COSINES += [struct.unpack("f", struct.pack("I", struct.unpack("I", struct.pack("f", 0.8))[0] - 1))[0], None]


class Rows:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, share):
        return self.random.random() < share

    def spaces(self, share=0.3, most=3):
        if not self.chance(share):
            return ""
        return "".join(self.random.choice(SPACES) for _ in range(self.random.randint(1, most)))

    def tag(self, name):
        cased = self.random.choice([name, name, name, name.lower(), name.title(), name.replace("I", "ı").replace("S", "ſ")])
        opening, closing = self.random.choice([("<", ">"), ("<", ">"), ("<", ">"), ("", ""), ("<", ""), ("", ">"), ("</", ">")])
        return f"{opening}{self.spaces(0.15)}{cased}{self.spaces(0.15)}{closing}"

    def answer(self):
        text = self.random.choice(ANSWERS)
        return f"{self.spaces()}{'.' * self.random.choice([0, 0, 0, 1, 2])}{text}{'.' * self.random.choice([0, 0, 1, 3])}{self.spaces()}"

    def truth(self):
        form = self.random.random()
        if form < 0.06:
            return self.answer()
        if form < 0.12:
            return self.tag(self.random.choice(TAGS)) + self.answer()
        lead = self.spaces(0.1)
        return f"{lead}<{self.random.choice(TAGS)}>{self.answer()}"

    def block(self, name, content):
        opening = f"<{self.spaces(0.1)}{name}{self.spaces(0.1)}>" if not self.chance(0.05) else ""
        closing = f"<{self.spaces(0.1)}/{self.spaces(0.1)}{name}>" if not self.chance(0.05) else ""
        return f"{opening}{content}{closing}"

    def response(self, truth):
        """Mostly well-formed, with the truth's tag and answer, each piece bent now and then."""
        tag = truth.split(">")[0] + ">" if self.chance(0.7) else self.tag(self.random.choice(TAGS))
        if self.chance(0.2):
            tag = self.random.choice([tag.lower(), tag.strip("<>"), "", f"Sure: {tag}", tag.replace("S", "ſ")])
        right = truth.split(">", 1)[-1]
        answer = right if self.chance(0.5) else self.answer()
        if self.chance(0.1):
            answer = self.random.choice([answer.upper(), answer + "\n" + answer, answer.replace(" ", "  "), answer.replace("/", " / ")])
        thinking = self.block("thinking", self.random.choice(["a", "", "because", "a\n\nb", "<b>", "I see: <X_RAY>"]))
        answers = self.block("answer", answer)
        if self.chance(0.06):
            answers += self.spaces() + self.block("answer", self.answer())
        if self.chance(0.05):
            thinking += self.random.choice([" junk ", ""]) + self.block("thinking", "again")
        between = self.random.choice(["", "", "", "\n", " junk ", self.spaces(1)])
        after = self.random.choice(["", "", "", "", "\n", " done", self.spaces(1)])
        parts = [tag, self.spaces(), thinking, between, answers, after]
        if self.chance(0.04):
            self.random.shuffle(parts)
        return self.spaces() + "".join(parts)

    def soup(self):
        return "".join(self.random.choice(PIECES) + self.spaces(0.2, 2) for _ in range(self.random.randint(0, 12)))

    def row(self):
        truth = self.truth()
        response = self.soup() if self.chance(0.2) else self.response(truth)
        return {
            "response": response,
            "truth": truth,
            "judge": self.random.choice(REPLIES),
            "cosine": self.random.choice(COSINES),
        }


def load_original(path):
    """The paper's module with its model and its HTTP client replaced by the row's reply and cosine."""
    current = {}

    class Encoder:
        def __init__(self, *_, **__):
            pass

        def encode(self, *_, **__):
            return [None, None]

    def similarity(*_):
        return types.SimpleNamespace(item=lambda: current["cosine"])

    def post(*_, **__):
        message = {"choices": [{"message": {"content": current["judge"]}}]}
        return types.SimpleNamespace(raise_for_status=lambda: None, json=lambda: message)

    util = types.SimpleNamespace(pytorch_cos_sim=similarity)
    sys.modules["sentence_transformers"] = types.SimpleNamespace(SentenceTransformer=Encoder, util=util)
    sys.modules["requests"] = types.SimpleNamespace(post=post)
    spec = importlib.util.spec_from_file_location("medical", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.print = lambda *_: None

    def original(row):
        current.update(row)
        [scores] = module.compute_score([{"response": row["response"], "ground_truth": row["truth"]}])
        keys = ("overall", "format", "accuracy_llm", "accuracy_embed", "modality")
        return [scores[key] for key in keys]

    return original


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--against", help="medical.py of the paper's repository")
    against = arguments.parse_args().against
    rows = Rows(SEED)
    drawn = [rows.row() for _ in range(ROWS)]
    if against:
        original = load_original(against)
        different = [row for row in drawn if original(row) != score(row)]
        print(f"{ROWS} rows, {len(different)} with another score than {against}")
        for row in different[:5]:
            print(json.dumps(row), score(row), original(row))
        sys.exit(1 if different else 0)
    origin = {
        "script": "test/parity/reward_rules.py",
        "python": platform.python_version(),
        "seed": SEED,
        "rows": ROWS,
        "scores": ["overall", "format", "judge", "similarity", "modality"],
    }
    target = pathlib.Path(__file__).parents[1] / "golden/reward/medix-r1-reference.jsonl"
    with target.open("w", encoding="ascii") as file:
        file.write(json.dumps({"origin": origin}) + "\n")
        for row in drawn:
            file.write(json.dumps({**row, "scores": score(row)}, separators=(",", ":")) + "\n")
    kinds = {}
    for row in drawn:
        overall = score(row)[0]
        kinds[overall] = kinds.get(overall, 0) + 1
    print(f"{target}: {target.stat().st_size} bytes; rows by overall score: {dict(sorted(kinds.items()))}")


if __name__ == "__main__":
    main()
