"""Alerts: an operator who looks at nothing hears of what will not mend itself.

In      concerns, as `status` finds them each minute: what is wrong now, whether it was a minute ago or not
Out     one alert when a concern begins, one when it is over, one a day while it lasts: by mail that does
        not pass the queue, by a webhook, by a command
Keeps   in alerts.json what was told and to which of them, so that a restart repeats nothing and a
        webhook that was down hears of it later
Never   holds up mail; says a secret; decides what is wrong
Limits  settings.py; a minute for each way, a hundred concerns at a time
"""
