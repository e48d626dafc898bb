package io.lockstep.protocol.model;

/**
 * How far a node is that converts a checkpoint, by the files that the tool has written.
 *
 * @param merging false while it takes the ranks' shards apart, true when it puts them together
 * @param parameters put together so far, three files or more each
 * @param ofParameters how many there are; 0 until that is known
 * @param bytes written so far of what stays
 * @param ofBytes about how many these will be: the size of the optimizer's shards
 */
public record ConversionStatus(
    boolean merging, long parameters, long ofParameters, long bytes, long ofBytes) {
  private static final double GIB = 1L << 30;

  /** For people. */
  @Override
  public String toString() {
    String written =
        String.format(java.util.Locale.ROOT, "%.1f of about %.1f GiB", bytes / GIB, ofBytes / GIB);
    return merging
        ? "put together " + parameters + " of " + ofParameters + " parameters, " + written
        : "takes the shards apart, "
            + (ofParameters == 0 ? "no" : ofParameters)
            + " parameters seen so far";
  }
}
