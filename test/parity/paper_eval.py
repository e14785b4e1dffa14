"""What the evaluation of MediX-R1 (arXiv 2602.23363) makes of stored responses, written from its described rules.

Usage: paper_eval.py <rows.jsonl> <root of an OpenAI-compatible API>

Rows are {"id", "question", "answer", "response"}. Prints a line of JSON for each row, {"id", "shown", "asked",
"score"}: the answer as the judge is shown it, how many rounds were asked, and the score, null where the paper's code
would ask for ever. Only the standard library is needed. The prompts are ours: what they say does not shape the rules.

Facts kept:
- shown is what follows the last </think>, else the last </thinking>, stripped; without either, all of the response;
- three rounds of one conversation at temperature 0, top_p 1 and 512 tokens, each reply appended whole, with a turn
  that asks to evaluate again;
- a reply is cut like a response, and read from its first brace to its last as Python's json reads it;
- right where at least two of three scores equal 1; of reports (mimic in the id) the mean of the scores;
- whatever raises an exception leaves the row open, and at temperature 0 it stays so.
"""

import json
import sys
import urllib.request

ROUNDS = 3
AGAIN = "Evaluate it once more."


def after_thinking(text):
    for mark in ("</think>", "</thinking>"):
        _, found, rest = text.rpartition(mark)
        if found:
            return rest.strip()
    return text


def ask(root, messages):
    body = {"model": "judge", "messages": messages, "temperature": 0.0, "max_tokens": 512, "top_p": 1.0}
    request = urllib.request.Request(
        f"{root}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["choices"][0]["message"]["content"]


def say(role, text):
    return {"role": role, "content": [{"type": "text", "text": text}]}


def score_in(reply):
    text = after_thinking(reply)
    return json.loads(text[text.find("{") : text.rfind("}") + 1])["score"]


def evaluate(row, root):
    is_report = "mimic" in row["id"]
    shown = after_thinking(row["response"])
    prompt = f"{row['question']}\nReference: {row['answer']}\nAnswer: {shown}\nReply with JSON, a score."
    messages = [say("user", prompt)]
    scores = []
    asked = 0
    try:
        for _ in range(ROUNDS):
            asked += 1
            reply = ask(root, messages)
            messages += [say("assistant", reply), say("user", AGAIN)]
            scores.append(score_in(reply))
        score = sum(scores) / ROUNDS if is_report else int(scores.count(1) >= 2)
    except Exception:
        score = None
    return {"id": row["id"], "shown": shown, "asked": asked, "score": score}


def main():
    path, root = sys.argv[1:]
    with open(path, encoding="utf-8") as rows:
        for line in rows:
            print(json.dumps(evaluate(json.loads(line), root)))


if __name__ == "__main__":
    main()
