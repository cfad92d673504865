package catalog

import "encoding/json"

// number is a number as it is spelled, in the only type for that which the
// schema library knows. Nothing else of the older encoding/json is used.
func number(text []byte) json.Number { return json.Number(text) }
