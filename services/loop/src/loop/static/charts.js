// Draw each card's small chart from its data attributes, now and after every live update.
(function () {
  "use strict";
  function draw(place) {
    if (place.firstChild) { return; }
    var values = JSON.parse(place.dataset.values);
    var names = JSON.parse(place.dataset.names);
    if (values.length < 2) { return; }
    var x = values.map(function (_, index) { return index; });
    var ink = getComputedStyle(place).getPropertyValue("color");
    new uPlot({
      width: place.clientWidth || 260,
      height: 80,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [{ show: false }, { show: false }],
      series: [{}, { label: names[0], stroke: ink, width: 2, spanGaps: true }]
    }, [x, values], place);
  }
  function drawAll() { document.querySelectorAll(".chart").forEach(draw); }
  document.addEventListener("DOMContentLoaded", drawAll);
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("htmx:sseMessage", drawAll);
}());
