"""What outlives the engine: the journal, the writer's lock, the inbox, the reserve.

- `control`: the control folder (0700) and the names inside it.
- `journal`: the event log and its projections in one SQLite file; the only SQL of the project.
- `lock`: who may write; free at once when the holder dies.
- `inbox`: requests of other processes to the engine, one file each, and a bell to wake it.
- `reserve`: room put by for the day when the disk is full.

The store knows rows, not events: what a kind or a body means is the business of `core`. It never
decides, never retries, and never writes without being asked. Import the modules, not this package:
a command that only rings the bell need not load SQLite.
"""
