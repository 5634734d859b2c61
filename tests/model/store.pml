/* A model of the store's protocol for spin: writers that hold several shards,
 * a keyed write of which two copies are under way, tokens that end, time that
 * passes the ledger's window, GetOutcome with its fence, and snapshot scans.
 * What it is a model of: server/store/store.cc, multi_shard_lock.cc,
 * snapshot_cuts.h, shard_snapshots.cc.
 *
 * A step is what other threads can see between two of ours: taking a mutex, one
 * access to an atomic.  What is done under a mutex to what it guards is one
 * step.
 *
 * What is checked, over all orders of the steps:
 *   - every process comes to its end: no deadlock;
 *   - the keyed write takes effect at most once, and a replay is the answer of
 *     the first copy;
 *   - a copy that is told "not applied" has not been; after the fence said so,
 *     none is;
 *   - a copy is told the outcome where it is recorded, even if its token ended;
 *   - a snapshot holds each account once, and their sum is the same always.
 *
 * Sizes, by -D: MOVERS, MOVES of each, COPIES, SCANS one after another, and
 * whether there are FENCE and TIME.  A broken protocol, by
 * -DBROKEN_...: tests/model/run lists what each must violate.
 */

#define SHARDS 3
#define ACCOUNTS 3
#define EACH 2
#define UNSETTLED 255

/* Account 0 is alone in its shard; a scan reads the two others in two slices.
 * The last shard has no account. */
#define ShardOf(account) ((account + 1) / 2)
#define Bit(shard) (1 << (shard))

mtype = { nothing, tombstone, good, bad };

/* Shard::mutex_ */
bool held[SHARDS];

/* Store::version_, and the entries. */
byte commits = 0;
byte amount[ACCOUNTS] = EACH;
byte changed[ACCOUNTS] = 0;

/* The ledger's record of the keyed write, and the shard of its key. */
mtype record = nothing;
byte record_version;
byte ledger_shard;

/* How far time is: whether the stamp of the keyed write is older than the
 * window; later, whether a record made since then has been forgotten. */
bool stamp_old = false;
bool forgotten = false;

/* The cut: SnapshotCuts, and what ShardSnapshots keeps of it. */
bool registered = false;
byte cut = UNSETTLED;
bool passed[ACCOUNTS];
bool image[ACCOUNTS];
byte image_amount[ACCOUNTS];

/* What has become of the keyed write, for the checks only. */
byte applied = 0;
bool denied = false;
mtype first_outcome = nothing;
byte first_version;

inline Lock(shard) {
  atomic { !held[shard] -> held[shard] = true }
}

/* MultiShardLock: ascending, each once. */
inline LockAll(set, first, second, third) {
#ifdef BROKEN_LOCK_ORDER
  Lock(first);
  if
  :: second != first -> Lock(second)
  :: else
  fi;
  if
  :: third != first && third != second -> Lock(third)
  :: else
  fi;
#else
  if
  :: set & Bit(0) -> Lock(0)
  :: else
  fi;
  if
  :: set & Bit(1) -> Lock(1)
  :: else
  fi;
  if
  :: set & Bit(2) -> Lock(2)
  :: else
  fi;
#endif
}

inline UnlockAll(set) {
  if
  :: set & Bit(0) -> held[0] = false
  :: else
  fi;
  if
  :: set & Bit(1) -> held[1] = false
  :: else
  fi;
  if
  :: set & Bit(2) -> held[2] = false
  :: else
  fi;
}

/* SnapshotCuts::Settle(): whoever is first. */
inline Settle(last) {
  if
  :: cut == UNSETTLED ->
    last = commits;
    d_step {
      if
      :: cut == UNSETTLED -> cut = last
      :: else
      fi;
      last = 0
    }
  :: else
  fi;
}

inline TakeVersion(version) {
  d_step { commits++; version = commits }
}

/* ShardSnapshots::BeforeChange().  REQUIRES: the account's shard is held. */
inline LeaveImage(account, version, saw, last) {
#ifdef BROKEN_LOOKS_BEFORE_VERSION
  if
  :: saw ->
#else
  if
  :: registered ->
#endif
    Settle(last);
    d_step {
      if
      :: changed[account] <= cut && cut < version && !passed[account] ->
#ifndef BROKEN_NO_IMAGE
        image[account] = true;
        image_amount[account] = amount[account]
#else
        skip
#endif
      :: else
      fi
    }
  :: else
  fi;
}

/* Store::Commit() of a transfer of 1. */
inline Commit(from, to, version, saw, last) {
#ifdef BROKEN_LOOKS_BEFORE_VERSION
  saw = registered;
#endif
#ifndef BROKEN_VERSION_BEFORE_LOCKS
  TakeVersion(version);
#endif
  LeaveImage(from, version, saw, last);
  d_step { amount[from]--; changed[from] = version };
  LeaveImage(to, version, saw, last);
  d_step { amount[to]++; changed[to] = version };
}

/* Store::Write(). */
proctype Mover(byte from; byte to) {
  byte moves = 0;
  byte version = 0;
  byte last = 0;
  bool saw = false;
  byte set = Bit(ShardOf(from)) | Bit(ShardOf(to));
  do
  :: moves < MOVES ->
#ifdef BROKEN_VERSION_BEFORE_LOCKS
    TakeVersion(version);
#endif
    LockAll(set, ShardOf(from), ShardOf(to), ShardOf(to));
    if
    :: amount[from] > 0 -> Commit(from, to, version, saw, last)
    :: else
    fi;
    UnlockAll(set);
    d_step { moves++; version = 0; saw = false }
  :: else -> break
  od
}

#if COPIES
/* A token may have ended whenever it is looked at, which is once. */
inline CheckToken() {
  if
  :: goto told_no
  :: skip
  fi
}

/* Store::WriteOnce(): one copy of the keyed write, which moves 1 from account 0
 * to account 2. */
proctype Copy() {
  byte version = 0;
  byte last = 0;
  bool saw = false;
  bool old = false;
  bool mine = false;
  mtype found = nothing;
  byte set = Bit(ShardOf(0)) | Bit(ShardOf(2)) | Bit(ledger_shard);
#ifdef BROKEN_VERSION_BEFORE_LOCKS
  TakeVersion(version);
#endif
  LockAll(set, ShardOf(0), ShardOf(2), ledger_shard);
  /* `now` is read once; the look-up is by it. */
  d_step {
    old = stamp_old;
    found = (forgotten -> nothing : record)
  };
#ifdef BROKEN_TOKEN_BEFORE_LOOK_UP
  CheckToken();
#endif
  if
  :: found == tombstone -> goto told_no
  :: found == good || found == bad ->
    assert(found == first_outcome && record_version == first_version);
    goto told
#ifndef BROKEN_OLD_STAMP_ACCEPTED
  :: found == nothing && old -> goto told
  :: found == nothing && !old -> skip
#else
  :: found == nothing -> skip
#endif
  fi;
#ifndef BROKEN_TOKEN_AFTER_COMMIT
  /* The commit point. */
  CheckToken();
#endif
  found = bad;
  if
  :: amount[0] > 0 ->
    d_step {
      found = good;
      mine = true;
      applied++;
      assert(applied == 1);
      assert(!denied)
    };
    Commit(0, 2, version, saw, last)
  :: else
  fi;
#ifdef BROKEN_RECORD_AFTER_UNLOCK
  UnlockAll(set);
  LockAll(set, ShardOf(0), ShardOf(2), ledger_shard);
#endif
  d_step {
    record = found;
    record_version = version;
    first_outcome = found;
    first_version = version;
    /* What was refused once may not take effect later. */
    denied = denied || found == bad
  };
#ifdef BROKEN_TOKEN_AFTER_COMMIT
  CheckToken();
#endif
  goto told;
told_no:
  assert(!mine);
  /* Whoever is told so could have been told the outcome. */
  assert(record == nothing || record == tombstone || forgotten);
told:
  UnlockAll(set)
}
#endif

#ifdef TIME
proctype Clock() {
  stamp_old = true;
  forgotten = true
}
#endif

#ifdef FENCE
/* Store::GetOutcome() with `fence` and the stamp of the write. */
proctype Fence() {
  bool old = false;
  bool answer = false;
  mtype found = nothing;
  Lock(ledger_shard);
  d_step {
    old = stamp_old;
    found = (forgotten -> nothing : record)
  };
  if
  :: found == tombstone || found == good || found == bad
#ifndef BROKEN_FENCE_WITHOUT_STAMP
  :: found == nothing && old
  :: found == nothing && !old ->
#else
  :: found == nothing ->
#endif
#ifndef BROKEN_FENCE_IGNORED
    record = tombstone;
#endif
    answer = true
  fi;
  held[ledger_shard] = false;
  d_step {
    if
    :: answer ->
      denied = true;
      assert(applied == 0)
    :: else
    fi
  }
}
#endif

#if SCANS
/* Reads account `a` under the mutex of its shard, which has been read whole
 * where `whole`: then its images come, too. */
inline ReadSlice(a, whole) {
  Lock(ShardOf(a));
  d_step {
    if
    :: changed[a] <= cut ->
      total = total + amount[a];
      count++
    :: else
    fi;
    passed[a] = true;
    other = 0;
    do
    :: whole && other < ACCOUNTS ->
      if
      :: ShardOf(other) == ShardOf(a) && image[other] ->
        total = total + image_amount[other];
        count++;
        image[other] = false;
        image_amount[other] = 0
      :: else
      fi;
      other++
    :: else -> break
    od;
    other = 0
  };
  held[ShardOf(a)] = false
}

/* ShardSnapshots::Forget(). */
inline Forget(a) {
  d_step {
    passed[a] = false;
    image[a] = false;
    image_amount[a] = 0
  }
}

/* Scanner: the whole of a snapshot, and another that uses its number again. */
proctype Scan() {
  byte scans = 0;
  byte last = 0;
  byte total = 0;
  byte count = 0;
  byte other = 0;
  do
  :: scans < SCANS ->
#ifdef BROKEN_READS_BEFORE_REGISTERED
    last = commits;
    registered = true;
    d_step { cut = last; last = 0 };
#else
    registered = true;
    Settle(last);
#endif
    ReadSlice(0, true);
    ReadSlice(2, false);
    ReadSlice(1, true);
    d_step {
      assert(count == ACCOUNTS);
      assert(total == ACCOUNTS * EACH);
      total = 0;
      count = 0
    };
    registered = false;
#ifdef BROKEN_REUSED_BEFORE_FORGOTTEN
    d_step { Forget(0); Forget(1); Forget(2); cut = UNSETTLED };
#else
    Lock(0);
    Forget(0);
    held[0] = false;
    Lock(1);
    d_step { Forget(1); Forget(2) };
    held[1] = false;
    cut = UNSETTLED;
#endif
    scans++
  :: else -> break
  od
}
#endif

init {
  /* The key of the keyed write can belong to any shard. */
  atomic {
#if COPIES
    if
    :: ledger_shard = 0
    :: ledger_shard = 1
    :: ledger_shard = 2
    fi;
    /* It can find nothing to move. */
    if
    :: amount[0] = 0;
      amount[1] = 2 * EACH
    :: skip
    fi;
#endif
#if MOVERS > 0
    run Mover(1, 0);
#endif
#if MOVERS > 1
    run Mover(0, 1);
#endif
#if MOVERS > 2
    run Mover(2, 1);
#endif
#if COPIES > 0
    run Copy();
#endif
#if COPIES > 1
    run Copy();
#endif
#if COPIES > 2
    run Copy();
#endif
#ifdef TIME
    run Clock();
#endif
#ifdef FENCE
    run Fence();
#endif
#if SCANS
    run Scan()
#endif
  }
}
