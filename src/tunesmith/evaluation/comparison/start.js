// Start: a fault is told in the page, since nobody looks into a console.
try {
  $("browser").hidden = false;
  fillAll();
  choose();
} catch (error) {
  $("browser").hidden = true;
  $("broken").hidden = false;
  throw error;
} finally {
  document.documentElement.dataset.ready = "";
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
