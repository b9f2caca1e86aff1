/// Hashes that are the same in every process and release, unlike Swift's own.
package enum StableHash {
    /// FNV-1a, 64 bits.
    package static func fnv64a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    /// Jump consistent hash (Lamping, Veach 2014): the bucket of a key, in `0..<buckets`; 0 for no buckets. At most 2^31
    /// buckets are used.
    package static func jump(_ key: UInt64, buckets: Int) -> Int {
        let buckets = min(buckets, 1 << 31)
        var key = key
        var bucket: Int64 = -1
        var next: Int64 = 0
        while next < Int64(buckets) {
            bucket = next
            key = key &* 2_862_933_555_777_941_757 &+ 1
            next = Int64(Double(bucket + 1) * (Double(Int64(1) << 31) / Double((key >> 33) + 1)))
        }
        return Int(max(bucket, 0))
    }
}

extension WatchID {
    /// The shard that looks after this watch.
    package func shard(of total: Int) -> Int {
        StableHash.jump(StableHash.fnv64a(description), buckets: total)
    }

    /// Where in an interval this watch's turns lie: the same in every process, spread evenly over many watches.
    package func phase(in interval: Duration, kind: String) -> Duration {
        // FNV's high bits hardly move for short texts that differ at their end, so they are mixed first.
        var hash = StableHash.fnv64a("\(description)/\(kind)")
        hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        hash ^= hash >> 33
        return interval * (Double(hash >> 11) / Double(UInt64(1) << 53))
    }
}
