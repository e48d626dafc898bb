package io.lockstep.coordinator.core;

import io.lockstep.protocol.model.NodeId;
import io.lockstep.protocol.model.NodeInventory;
import io.lockstep.protocol.model.Reason;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One registered host.
 *
 * @param disk id of the agent's memory when it last said Hello
 * @param draining an operator took it out of placement
 * @param lost not heard for too long
 * @param suspect its gang failed by the loss of a peer, and it was not heard since
 * @param reason why it is as it is
 * @param trouble why its agent cannot take part in anything new; empty while it can
 * @param flapping how often it was lost; empty while it never was
 * @param formerBoots of its host; empty while it has had one boot
 */
public record Node(
    NodeId id,
    String disk,
    NodeInventory inventory,
    boolean draining,
    boolean lost,
    boolean suspect,
    Reason reason,
    Optional<Reason> trouble,
    Optional<Flapping> flapping,
    Optional<FormerBoots> formerBoots) {
  private static final Flapping NEVER_LOST =
      new Flapping(List.of(), Optional.empty(), Optional.empty(), Optional.empty());

  /**
   * What its losses come to.
   *
   * @param losses when it was lost, oldest first: the newest {@link QuarantinePolicy#MAX_LOSSES}
   * @param quarantinedUntil kept out of placement for its losses; empty while it is not
   * @param trial how it is tried with others now that its quarantine is over; empty before
   * @param failingSince when it first failed such a trial; empty when it did not, or passed since
   */
  public record Flapping(
      List<Instant> losses,
      Optional<Instant> quarantinedUntil,
      Optional<Trial> trial,
      Optional<Instant> failingSince) {
    public Flapping {
      losses = List.copyOf(losses);
    }

    private Flapping withLoss(Instant at) {
      var all = new ArrayList<>(losses);
      all.add(at);
      int first = Math.max(0, all.size() - QuarantinePolicy.MAX_LOSSES);
      return new Flapping(
          all.subList(first, all.size()), quarantinedUntil, Optional.empty(), failingSince);
    }
  }

  /**
   * A node whose quarantine is over by time meets others before it is placed again.
   *
   * @param since it was to meet somebody
   * @param at it was last given partners, or lost them
   * @param partners whom it meets now; none while it waits
   */
  public record Trial(Instant since, Instant at, List<NodeId> partners) {
    public Trial {
      partners = List.copyOf(partners);
    }
  }

  /** One that has never been lost. */
  static Node joined(NodeId id, String disk, NodeInventory inventory, Reason reason) {
    return new Node(
        id,
        disk,
        inventory,
        false,
        false,
        false,
        reason,
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** When it was lost, oldest first. */
  List<Instant> losses() {
    return flapping.orElse(NEVER_LOST).losses();
  }

  /** Kept out of placement for its losses; empty while it is not. */
  public Optional<Instant> quarantinedUntil() {
    return flapping.flatMap(Flapping::quarantinedUntil);
  }

  /** How it is tried with others after its quarantine; empty while it is not. */
  public Optional<Trial> trial() {
    return flapping.flatMap(Flapping::trial);
  }

  /** When it first failed with others after its quarantine. */
  Optional<Instant> failingSince() {
    return flapping.flatMap(Flapping::failingSince);
  }

  boolean hasGpus() {
    return !inventory.gpus().isEmpty();
  }

  /** May be given to a gang. */
  boolean isPlaceable() {
    return isLikelyPlaceable() && !suspect && trouble.isEmpty();
  }

  /** May be given to a gang now, or as soon as it is heard again. */
  boolean isLikelyPlaceable() {
    return !draining && !lost && quarantinedUntil().isEmpty();
  }

  public NodeHealth health() {
    if (lost) {
      return NodeHealth.LOST;
    }
    if (draining) {
      return NodeHealth.DRAINING;
    }
    if (quarantinedUntil().isPresent()) {
      return NodeHealth.QUARANTINED;
    }
    if (trouble.isPresent()) {
      return NodeHealth.TROUBLED;
    }
    return suspect ? NodeHealth.SUSPECT : NodeHealth.READY;
  }

  /** Heard again, with what it brings now. */
  Node asReturned(String newDisk, NodeInventory found, Instant at, Reason why) {
    return with(
        d -> {
          d.disk = newDisk;
          d.inventory = found;
          d.lost = false;
          d.suspect = false;
          d.reason = quarantinedUntil().isPresent() ? reason : why;
          d.trouble = Optional.empty();
          if (!inventory.bootId().equals(found.bootId())) {
            FormerBoots before = formerBoots.orElse(FormerBoots.NONE);
            d.formerBoots = Optional.of(before.plus(inventory.bootId(), at));
          }
        });
  }

  /** This boot of its host is over: another one was heard of since. */
  boolean isOver(String bootId, Instant now) {
    return formerBoots.filter(b -> b.isOver(bootId, now)).isPresent();
  }

  Node withDraining(boolean changed, Reason why) {
    return because(why, d -> d.draining = changed);
  }

  Node asLost(Reason why, Instant at) {
    return because(
        why,
        d -> {
          d.lost = true;
          d.suspect = false;
          d.trouble = Optional.empty();
          d.flapping = Optional.of(flapping.orElse(NEVER_LOST).withLoss(at));
        });
  }

  Node withSuspect(boolean changed, Reason why) {
    return because(why, d -> d.suspect = changed);
  }

  Node withTrouble(Optional<Reason> changed, Reason why) {
    return because(why, d -> d.trouble = changed);
  }

  Node asQuarantined(
      Instant until, Optional<Trial> trial, Optional<Instant> failingSince, Reason why) {
    var more = new Flapping(losses(), Optional.of(until), trial, failingSince);
    return because(why, d -> d.flapping = Optional.of(more));
  }

  /** Its losses are forgotten, so that the next one alone does not count for all of them. */
  Node outOfQuarantine(Reason why) {
    return because(why, d -> d.flapping = Optional.empty());
  }

  private Node because(Reason why, Consumer<Draft> change) {
    return with(
        d -> {
          d.reason = why;
          change.accept(d);
        });
  }

  private Node with(Consumer<Draft> change) {
    var draft = new Draft();
    change.accept(draft);
    return new Node(
        id,
        draft.disk,
        draft.inventory,
        draft.draining,
        draft.lost,
        draft.suspect,
        draft.reason,
        draft.trouble,
        draft.flapping,
        draft.formerBoots);
  }

  /** This node being changed by an event. */
  private final class Draft {
    String disk = Node.this.disk;
    NodeInventory inventory = Node.this.inventory;
    boolean draining = Node.this.draining;
    boolean lost = Node.this.lost;
    boolean suspect = Node.this.suspect;
    Reason reason = Node.this.reason;
    Optional<Reason> trouble = Node.this.trouble;
    Optional<Flapping> flapping = Node.this.flapping;
    Optional<FormerBoots> formerBoots = Node.this.formerBoots;
  }
}
