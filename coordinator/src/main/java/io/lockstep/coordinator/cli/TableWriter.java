package io.lockstep.coordinator.cli;

import java.util.ArrayList;
import java.util.List;

/** Writes rows in columns; the last column gives way when the line would be too long. */
final class TableWriter {
  private static final String GAP = "  ";
  private static final int MIN_LAST = 8;

  private final int width;
  private final List<List<String>> rows = new ArrayList<>();

  TableWriter(int width, String... headings) {
    this.width = width;
    rows.add(List.of(headings));
  }

  TableWriter row(String... cells) {
    if (cells.length != rows.get(0).size()) {
      throw new IllegalArgumentException("a row of " + cells.length + " in " + rows.get(0));
    }
    rows.add(List.of(cells).stream().map(Text::printable).toList());
    return this;
  }

  List<String> lines() {
    int last = rows.get(0).size() - 1;
    int[] widths = new int[last + 1];
    for (List<String> row : rows) {
      for (int i = 0; i <= last; i++) {
        widths[i] = Math.max(widths[i], Text.width(row.get(i)));
      }
    }
    int before = 0;
    for (int i = 0; i < last; i++) {
      before += widths[i] + GAP.length();
    }
    widths[last] = Math.min(widths[last], Math.max(MIN_LAST, width - before));
    return rows.stream().map(row -> line(row, widths)).toList();
  }

  private static String line(List<String> row, int[] widths) {
    var line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      line.append(i == 0 ? "" : GAP);
      boolean isLast = i == widths.length - 1;
      line.append(isLast ? Text.fit(row.get(i), widths[i]) : Text.pad(row.get(i), widths[i]));
    }
    return line.toString().stripTrailing();
  }
}
