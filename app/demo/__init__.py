"""Demo traffic, written for this project: a helpdesk assistant of a made-up shop, its eval set, its drifts.

Pure: seed and start time are arguments, so a scenario is a fixture as much as a demonstration.
Read `traffic` first, then `drifts`; the words are in `shop`, `account`, `devices`, `repairs`,
`office`, `everyday`, `novelties` and `abroad`.
"""
