package io.lockstep.simulation;

/** One rule taken out at a seam of the mirrored shells; the simulation must notice. */
enum Mutation {
  NONE(0),
  START_BEFORE_ALL_PREPARED(0),
  ACT_BEFORE_STORED(0),
  ANSWER_BEFORE_STORED(0),
  NO_WAIT_FOR_OLD_GROUPS(0),
  PLACE_ON_DRAINED_NODES(0),
  FORGET_THE_BUDGET(0),
  IGNORE_FENCES_AT_AGENTS(10),
  IGNORE_TERMS_AT_AGENTS(0),
  PREPARED_WITHOUT_CLEARING(0),
  FORGET_CLOSED_FENCES(0),
  NO_READOPTION(0),
  REPORT_ONCE(0),
  FORGETFUL_AGENT_IS_PROOF(60),
  FORK_BEFORE_STORED_AND_UNMARKED(0),
  GRANT_WHATEVER_IS_ASKED(20),
  FORK_BEFORE_GRANT(0),
  COUNT_FROM_RECEIPT(1_400),
  RENEW_WHAT_RAN_OUT(15),
  ONE_SEAT_IS_ENOUGH(55),
  NO_GUARD(70),
  NO_WAIT_FOR_LEASES(25),
  AGES_OF_SEATS_THAT_DO_NOT_KNOW(340),
  ONE_SEATS_AGE(120),
  CHANGE_BEFORE_SHIMS_KNOW(0),
  TELL_A_SET_TOO_EARLY(500),
  COUNT_WHAT_ONE_SEAT_SAYS(0),
  GRANT_WHATEVER_IS_COUNTED(0),
  POOL_OUTLIVES_ITS_JOB(0);

  /** Where to begin the search: close before a seed that noticed, to save time. */
  final long firstSeed;

  Mutation(long firstSeed) {
    this.firstSeed = firstSeed;
  }
}
