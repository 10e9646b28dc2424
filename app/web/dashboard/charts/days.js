/* Days as charts have them: seconds since 1970, UTC. */

export const DAY = 86_400;

export function seconds(day) {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

export function dayText(value) {
  return new Date(value * 1000).toISOString().slice(0, 10);
}

/** Columns on the union of all dates: [xs, ...ys]; null where a series has no point. */
export function aligned(all) {
  const days = [...new Set(all.flatMap(({ dates }) => dates))].sort();
  const place = new Map(days.map((day, index) => [day, index]));
  const columns = all.map(({ dates, values }) => {
    const column = new Array(days.length).fill(null);
    dates.forEach((day, index) => {
      column[place.get(day)] = values[index];
    });
    return column;
  });
  return { xs: days.map(seconds), columns };
}
