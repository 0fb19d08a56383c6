"""Shipped means of trying and testing gangsaw without an account or a network.

Nothing in the product's own way from plan to landing imports this room.
"""
