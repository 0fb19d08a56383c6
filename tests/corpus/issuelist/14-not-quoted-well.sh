ISSUES=("61:opus:Schema"
  "62:haiku:Card"
  "63:sonnet:Page)
  64:haiku:Plain in an array"
  "65:haiku:Last")
run_agents "${ISSUES[@]}"
