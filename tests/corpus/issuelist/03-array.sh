#!/usr/bin/env bash
ISSUES=(
  "61:opus:Update schema (blocking)"
  "62:haiku:Card: picture, name, members"   # small
  '63:sonnet:Details page'
)
declare -a LATER=(
  "64:haiku:Search (after #62)"
)
