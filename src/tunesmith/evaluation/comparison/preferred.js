// Preferred: what a judge and voters said of an example.
const ONE = 0, OTHER = 1, TIE = 2;
const turned = (who) => who === ONE ? OTHER : who === OTHER ? ONE : who;

// Verdicts on two models by each criterion, as if they had been named in this order.
function verdicts(row, one, other) {
  return (row.j || []).flatMap(([a, b, criterion, forward, backward, first, second]) => {
    const isTurned = a === other && b === one;
    if (!isTurned && !(a === one && b === other)) return [];
    const said = [{ shown: a, who: forward, why: first }, { shown: b, who: backward, why: second }];
    // Both orders have to say the same, or it is a tie; one that cannot be read counts for nobody.
    const winner = forward === null || backward === null ? null : forward === backward ? forward : TIE;
    return [{ criterion, said, isTurned, winner: isTurned ? turned(winner) : winner, differs: winner === TIE && forward !== backward }];
  });
}
function ballots(row, one, other) {
  const found = (row.v || []).find(([a, b]) => (a === one && b === other) || (a === other && b === one));
  if (!found) return null;
  const [a, , first, second, ties, bad] = found;
  return { one: a === one ? first : second, other: a === one ? second : first, ties, bad };
}

// What can be shown of a pair: by criterion of the judge, and by most votes.
function preferences(one, other) {
  const found = {};
  const sides = [[ONE, one, other], [OTHER, other, one]];
  held.criteria.forEach((criterion, at) => sides.forEach(([who, winner, loser]) => {
    const by = held.criteria.length > 1 ? `, ${criterion}` : "";
    found[`judge-${at}-${who}`] = [`judge preferred ${held.models[winner]} to ${held.models[loser]}${by}`,
      (row) => verdicts(row, one, other).some((each) => each.criterion === at && each.winner === who)];
  }));
  if (held.voted) sides.forEach(([who, winner, loser]) => {
    found[`votes-${who}`] = [`votes preferred ${held.models[winner]} to ${held.models[loser]}`, (row) => {
      const counted = ballots(row, one, other);
      return counted && (who === ONE ? counted.one > counted.other : counted.other > counted.one);
    }];
  });
  return found;
}

function opinion(row) {
  if (!row.j && !row.v) return null;
  const all = [];
  held.models.forEach((_, other) => held.models.forEach((_, one) => { if (one > other) all.push([one, other]); }));
  const isChosen = ([one, other]) => (one === chosen.one && other === chosen.other) || (one === chosen.other && other === chosen.one);
  const first = all.filter(isChosen).map(() => pairOpinion(row, chosen.one, chosen.other));
  const rest = all.filter((pair) => !isChosen(pair)).map(([one, other]) => pairOpinion(row, one, other)).filter(Boolean);
  return make("div", { class: "opinion" },
    make("h4", { class: "label" }, "Preferred"), ...first,
    rest.length ? make("details", {}, make("summary", {}, "Of the other pairs"), ...rest) : null);
}

function pairOpinion(row, one, other) {
  const counted = ballots(row, one, other), said = verdicts(row, one, other);
  if (!counted && !said.length) return null;
  const names = [held.models[one], held.models[other]];
  return make("div", { class: "pair-opinion" },
    make("p", { class: "small" }, make("b", {}, names[ONE]), ` against ${names[OTHER]}`),
    ...said.map((each) => verdict(each, names)),
    counted ? make("p", { class: "small" }, `Votes: ${names[ONE]} ${count(counted.one)}, ${names[OTHER]} ${count(counted.other)}, tied ${count(counted.ties)}, both bad ${count(counted.bad)}`) : null);
}

function verdict(each, names) {
  const words = each.winner === null ? "cannot be read" : each.winner === TIE ? "a tie" : names[each.winner];
  const why = each.said.filter((one) => one.why !== undefined && text(one.why));
  return make("div", {},
    make("p", { class: "small" }, `Judge, ${held.criteria[each.criterion]}: `, make("b", {}, words), each.differs ? make("span", { class: "muted" }, ", since the two orders contradict each other") : null),
    ...why.map((one) => make("p", { class: "small muted reason", dir: "auto" }, `With ${held.models[one.shown]} as answer A: ${text(one.why)}`)));
}
