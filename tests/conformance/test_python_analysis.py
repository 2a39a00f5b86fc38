"""examples/python/longhaul.py on the worker's side of the line protocol: what a program may do without harm to its job."""

import json
import subprocess
import sys

from cloud import ROOT

JOB = json.dumps({"job": "j", "query": "q", "params": {}, "attempt": 1, "history": []})


def run(body, *answers):
    """The messages and the standard error of an analysis with this body, whose steps get these answers."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    program = f"import os\nimport longhaul\ndef analyse(job):\n{lines}\nlonghaul.run(analyse)\n"
    ended = subprocess.run(
        [sys.executable, "-B", "-c", program],
        env={"PYTHONPATH": str(ROOT / "examples/python")},
        input="\n".join([JOB, *answers, ""]).encode(),
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr.decode()


def test_what_is_printed_is_no_message():
    messages, printed = run("print('one')\nos.system('echo two')\nreturn {'response': 'x'}")
    assert messages == [{"result": {"response": "x"}}]
    assert "one" in printed and "two" in printed


def test_what_json_has_not_is_sent_as_something_near():
    messages, _ = run(r"return {'none': [float('nan'), float('inf')], 'half': '\ud83e', 'kept': '\u00fc'}")
    assert messages == [{"result": {"none": [None, None], "half": "?", "kept": "ü"}}]


def test_an_exceptions_text_is_the_reason_and_its_trace_is_in_the_log():
    messages, printed = run("longhaul.progress(33.3)\nraise KeyError('region')")
    assert messages == [{"progress": {"percent": 33.3, "message": "Working"}}, {"retry": "KeyError: 'region'"}]
    assert "Traceback" in printed
    assert run("raise longhaul.Reject('No rows.')")[0] == [{"reject": "No rows."}]


def test_a_step_that_returned_nothing_is_done_once():
    body = "return [longhaul.step('load', 1, lambda given: print('done')), job['attempt']]"
    messages, printed = run(body, '{"kept":null,"done":false}')
    assert messages == [{"step": {"name": "load", "input": 1}}, {"keep": None}, {"result": [None, 1]}]
    assert printed == "done\n"
    messages, printed = run(body, '{"kept":null,"done":true}')
    assert messages == [{"step": {"name": "load", "input": 1}}, {"result": [None, 1]}]
    assert printed == ""
