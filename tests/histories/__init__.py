"""Histories of a sale: what clients asked for and were told, seat by seat, and whether one seat
that does one thing at a time could have told them so (linearizability; Herlihy and Wing, 1990).
"""
