package postgres

import (
	"encoding/json/jsontext"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAppendJSONB(t *testing.T) {
	far := "1" + strings.Repeat("0", 131_072)
	for _, c := range []struct {
		name, text, want string
		changed          changes
	}{
		{"nothing to change", `{"a":[1,"\\u0000",true],"\\u0000":null}`, `{"a":[1,"\\u0000",true],"\\u0000":null}`, changes{}},
		{"a NUL", `{"a":"x\u0000y"}`, `{"a":"x\\u0000y"}`, changes{nuls: 1}},
		{"NULs behind backslashes", `{"a":"\\\u0000\\u0000\\\\\u0000"}`, `{"a":"\\\\u0000\\u0000\\\\\\u0000"}`, changes{nuls: 2}},
		{"a NUL in a key", `{"\u0000k":"\"\u0000"}`, `{"\\u0000k":"\"\\u0000"}`, changes{nuls: 2}},
		{"numbers in range", `{"a":[1e1000,-1e-1000,1e131071,1E+16383,0.1e-16382,-0]}`, `{"a":[1e1000,-1e-1000,1e131071,1E+16383,0.1e-16382,-0]}`, changes{}},
		{"numbers beyond it", `{"a":[1e131072,-1e-16384,1e999999999999999999999,0.1e-16383]}`, `{"a":["1e131072","-1e-16384","1e999999999999999999999","0.1e-16383"]}`, changes{numbers: 4}},
		{"digits beyond it", `{"a":` + far + `}`, `{"a":"` + far + `"}`, changes{numbers: 1}},
		{"both", `{"1e131072":"1e131072","n":1e131072,"\u0000":[]}`, `{"1e131072":"1e131072","n":"1e131072","\\u0000":[]}`, changes{nuls: 1, numbers: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, changed, err := appendJSONB([]byte("before"), []byte(c.text))
			if err != nil || string(got) != "before"+c.want || changed != c.changed {
				t.Errorf("got  %.300s %+v %v\nwant %.300s %+v", got, changed, err, "before"+c.want, c.changed)
			}
		})
	}
	got, _, err := appendJSONB([]byte("before"), []byte(`{"a\u0000":1,"a\\u0000":2}`))
	if !errors.Is(err, errSameKeys) || string(got) != "before" {
		t.Errorf("keys that become one: %s, %v", got, err)
	}
}

// TestAppendJSONBAndPostgreSQL: what is made of any text, PostgreSQL takes.
func TestAppendJSONBAndPostgreSQL(t *testing.T) {
	conn := connect(t, newDatabase(t, ""))
	piece := rapid.SampledFrom([]string{`\u0000`, `\\`, `\"`, `u0000`, "x", "é", `\n`, `\ud83d\ude00`})
	number := rapid.SampledFrom([]string{"0", "-0", "1e131071", "1e131072", "1e-16383", "1e-16384", "0.00e131069", "123e131069", "123e131070", "1.5e-16382", "1.5e-16383", "1e99999999999", strings.Repeat("9", 16_400)})
	rapid.Check(t, func(t *rapid.T) {
		text := `{"` + strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "key"), "") + `":["` +
			strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "value"), "") + `",` + number.Draw(t, "number") + `]}`
		out, _, err := appendJSONB(nil, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var taken bool
		if err := conn.QueryRow(t.Context(), `SELECT $1::text::jsonb IS NOT NULL`, string(out)).Scan(&taken); err != nil {
			t.Fatalf("%.200s became %.200s: %v", text, out, err)
		}
	})
}

// FuzzAppendJSONB: valid JSON stays valid JSON, and nothing panics.
func FuzzAppendJSONB(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"\u0000"}`, `{"\\\u0000":1e131072}`, `"`, `{"a":"\`, `-`, `1e`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out, _, err := appendJSONB(nil, text)
		if err == nil && jsontext.Value(text).IsValid() && !jsontext.Value(out).IsValid() {
			t.Errorf("%s became %s", text, out)
		}
	})
}
