"""The registrar: turns a pod's identity into one single-use runner registration and watches what becomes of it.

It never runs job code and knows nothing of Pulumi. Edges (`cluster`, `forges`, `server`) do input and output;
`decisions`, `brake`, `queue` and `outcomes` are pure; `loop` and `registrations` join them.
"""
