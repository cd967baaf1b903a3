"""The core: values and pure functions. No clock, no disk, no socket, no Flask.

The order of the queue is decided in `queue`; what may happen to a ticket in `ticket`; the story of a day in `day` and `decide`.
"""
