package app

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseWhere(t *testing.T) {
	tests := []struct{ in, want string }{
		{`payload.status>=500`, `{"field":"payload.status","operator":"gte","value":500}`},
		{`payload.status <= 5e2`, `{"field":"payload.status","operator":"lte","value":5e2}`},
		{`payload.a=b`, `{"field":"payload.a","operator":"eq","value":"b"}`},
		{`payload.a == "5"`, `{"field":"payload.a","operator":"eq","value":"5"}`},
		{`payload.ok != true`, `{"field":"payload.ok","operator":"neq","value":true}`},
		{`payload["a b"].c < 1`, `{"field":"payload[\"a b\"].c","operator":"lt","value":1}`},
		{`payload["a=\"]"] > 1`, `{"field":"payload[\"a=\\\"]\"]","operator":"gt","value":1}`},
		{`actor=12`, `{"field":"actor","operator":"eq","value":"12"}`},
		{`actor = "x y"`, `{"field":"actor","operator":"eq","value":"x y"}`},
		{`subject = a = b`, `{"field":"subject","operator":"eq","value":"a = b"}`},
		{`severity >= warning`, `{"field":"severity","operator":"gte","value":"warning"}`},
		{`importance >= 5`, `{"field":"importance","operator":"gte","value":5}`},
		{`timestamp >= now-15m`, `{"field":"timestamp","operator":"gte","value":"now-15m"}`},
		{`event_type in login, logout`, `{"field":"event_type","operator":"in","value":["login","logout"]}`},
		{`payload.n between 1,5`, `{"field":"payload.n","operator":"between","value":[1,5]}`},
		{`payload.n not_in [1, "2"]`, `{"field":"payload.n","operator":"not_in","value":[1, "2"]}`},
		{`payload.geo exists`, `{"field":"payload.geo","operator":"exists"}`},
		{`payload.path ~ ^/api/`, `{"field":"payload.path","operator":"matches","value":"^/api/"}`},
		{`payload.text CONTAINS two words`, `{"field":"payload.text","operator":"contains","value":"two words"}`},
		{`{"not": {"field": "actor", "operator": "exists"}}`, `{"not": {"field": "actor", "operator": "exists"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := parseWhere(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseWhereRefuses(t *testing.T) {
	tests := []struct{ in, want string }{
		{``, "FIELD OPERATOR VALUE"},
		{`payload.status`, "FIELD OPERATOR VALUE"},
		{`payload.status like x`, "operators: = != >"},
		{`>= 5`, "FIELD OPERATOR VALUE"},
		{`payload.a =`, "needs a value"},
		{`payload.a exists yes`, "takes no value"},
		{`{"not":`, "not valid JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			_, err := parseWhere(tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestParseWhereMakesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "where")
		if v, err := parseWhere(in); err == nil && !v.IsValid() {
			t.Fatalf("parseWhere(%q) = %s, which is not JSON", in, v)
		}
	})
}
