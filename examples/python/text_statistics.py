"""An analysis in Python, of the kind `text_statistics`: mean and median length of the words of the query."""

from statistics import mean, median

import longhaul


def lengths(text):
    return [len(word) for word in text.split()]


def analyse(job):
    if not job["query"].strip():
        raise longhaul.Reject("The query has no words.")
    longhaul.progress(30, "Measuring words")
    found = longhaul.step("lengths", job["query"], lengths)
    answer = f"{len(found)} words, of {mean(found):.2f} letters on average; the median is {median(found)}."
    longhaul.stream(answer)
    return {"response": answer, "lengths": found}


longhaul.run(analyse)
