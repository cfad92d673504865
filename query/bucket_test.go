package query

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucketStart(t *testing.T) {
	for _, c := range []struct{ width, zone, at, want string }{
		{"1s", "UTC", "2025-01-01T10:10:59.999999Z", "2025-01-01T10:10:59Z"},
		{"30s", "Asia/Kathmandu", "2025-01-01T10:10:59.999999Z", "2025-01-01T15:55:30+05:45"},
		{"1m", "UTC", "2025-01-01T10:10:59.999999Z", "2025-01-01T10:10:00Z"},
		{"30m", "UTC", "2025-01-01T10:30:00Z", "2025-01-01T10:30:00Z"},
		{"12h", "UTC", "2025-01-01T11:59:59Z", "2025-01-01T00:00:00Z"},
		{"1w", "UTC", "2025-01-05T23:59:59Z", "2024-12-30T00:00:00Z"},
		{"1w", "UTC", "2025-01-06T00:00:00Z", "2025-01-06T00:00:00Z"},
		{"1d", "UTC", "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z"},
		{"1d", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T01:00:00-02:00"}, // midnight was left out
		{"1d", "America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03T00:00:00-03:00"},
		{"1h", "Australia/Lord_Howe", "2025-04-05T14:40:00Z", "2025-04-06T01:00:00+11:00"}, // half an hour comes twice
		{"1h", "Australia/Lord_Howe", "2025-04-05T15:10:00Z", "2025-04-06T01:30:00+10:30"},
		{"1h", "Australia/Lord_Howe", "2025-04-05T15:35:00Z", "2025-04-06T02:00:00+10:30"},
		{"1h", "Asia/Kathmandu", "2025-01-01T00:10:00Z", "2025-01-01T05:00:00+05:45"},
		{"6h", "Europe/Berlin", "2025-03-30T04:00:00Z", "2025-03-30T06:00:00+02:00"},
		{"6h", "Europe/Berlin", "2025-03-30T03:59:00Z", "2025-03-30T00:00:00+01:00"},
		{"1d", "Pacific/Apia", "2011-12-31T12:00:00Z", "2012-01-01T00:00:00+14:00"},
		{"1d", "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T00:00:00-10:00"}, // the next day was left out
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339Nano, c.at)
		if err != nil {
			t.Fatal(err)
		}
		bucket, ok := parseBucket(c.width)
		if !ok {
			t.Fatalf("%s is refused", c.width)
		}
		if got := bucket.Format(bucket.Start(at.UnixMicro(), zone), zone); got != c.want {
			t.Errorf("%s of %s in %s: got %s, want %s", c.width, c.at, c.zone, got, c.want)
		}
	}
}

func TestBucketsPartitionTime(t *testing.T) {
	widths := []string{"1s", "30s", "1m", "5m", "15m", "1h", "2h", "3h", "6h", "12h", "1d", "1w"}
	zones := []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "America/New_York", "Africa/Casablanca"}
	rapid.Check(t, func(t *rapid.T) {
		bucket, _ := parseBucket(rapid.SampledFrom(widths).Draw(t, "width"))
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.Int64Range(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()).Draw(t, "at")
		start := bucket.Start(at, zone)
		switch {
		case start > at:
			t.Fatalf("%s of %d starts later, at %d", bucket, at, start)
		case at-start >= (bucket.width()+26*3600)*1e6:
			t.Fatalf("%s of %d starts long before, at %d", bucket, at, start)
		case bucket.Start(start, zone) != start:
			t.Fatalf("%s of %d starts at %d, which is in another bucket, %d", bucket, at, start, bucket.Start(start, zone))
		}
		if earlier := at - rapid.Int64Range(0, 3*3600*1e6).Draw(t, "before"); bucket.Start(earlier, zone) > start {
			t.Fatalf("%s: %d is before %d, its bucket is not", bucket, earlier, at)
		}
	})
}

func TestParseBucketRefuses(t *testing.T) {
	for _, text := range []string{"", "h", "1", "0m", "-1h", "7m", "60m", "90m", "24h", "5h", "2d", "2w", "7s", "60s", "1y", "01h", "1hh", "1 h"} {
		if b, ok := parseBucket(text); ok {
			t.Errorf("%q is read as %v", text, b)
		}
	}
}

func BenchmarkBucketStartInZone(b *testing.B) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	bucket := Bucket{Count: 1, Unit: 'd'}
	at := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	for b.Loop() {
		bucket.Start(at, zone)
		at += 60_000_000
	}
}
