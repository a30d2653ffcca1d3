"""The workshop of trust roots: edit a draft, ask for and collect its signatures, say what it changes.

It decides when a version is complete, by the ground floor's own rules. It must not hold a private
key or reach a network: root keys sign on their stations, through request and response.
"""
