"""Odds of a prop-firm challenge: a record of firm days, and a firm's rules played over it.

The record is made once (`days`, `recorder`, `table`); rules are played over any order of its days
(`terms`, `play`): over every start of the record itself (`history`) and over days drawn from it
(`draws`, `blocks`). `estimate` puts an interval around the result, `costs`, `levels` and `checks`
say what it means. `overfitting`, `sharpe`, `grid` and `windows` judge a choice among presets.
"""
