/**
 * What a job will need, before it runs: memory, checkpoints, communication, steps. Pure: no files,
 * no clock. Sizes are bytes unless a name says otherwise; GB are 10^9 bytes.
 *
 * <p>Rationale: each part has its own class and says where its formula comes from, since published
 * estimators disagree (docs/memory-model.md). A bound is kept wide enough for what was measured and
 * no wider than 1.6.
 */
@NullMarked
package io.lockstep.coordinator.plan;

import org.jspecify.annotations.NullMarked;
