"""A carrier on this machine: Twilio's Messages API, its webhooks, and phones in a browser.

One process of its own, started with `python -m textengine.sandbox`. It knows Twilio's protocol and
nothing of the project: no Django, no models, no settings, and not the `twilio` library either, so that
what the project does with that library is tested against something written independently of it.
"""
