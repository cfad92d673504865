package auth

import (
	"encoding/json/jsontext"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzDecodeKey: what is stored is a key or an error, and a key is stored as it
// was read.
func FuzzDecodeKey(f *testing.F) {
	made := Key{Name: "shop", Prefix: "firn_abc123", Permissions: All(), Instances: []string{"a"}, CreatedAt: time.UnixMilli(1).UTC(), hash: hashOf("x")}
	f.Add([]byte(made.document()))
	f.Add([]byte(`{"name":"x","sha256":"00","permissions":["events:read","later:permission"]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := decodeKey("id", jsontext.Value(text))
		if err != nil {
			return
		}
		again, err := decodeKey("id", k.document())
		if err != nil {
			t.Fatalf("%s becomes %s: %v", text, k.document(), err)
		}
		if d := cmp.Diff(k, again, cmp.AllowUnexported(Key{}), cmpopts.IgnoreFields(Key{}, "used"), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-read +again):\n%s", text, d)
		}
	})
}
