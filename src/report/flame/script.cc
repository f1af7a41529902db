#include "report/flame/script.h"

namespace minnow::flame {

// Boxes are in depth-first order: what box i holds is the run of deeper boxes after it. data-f is "depth x width", the
// last two as fractions of the root.
std::string_view script() {
  return R"js(
(() => {
'use strict';
const svg = document.currentScript ? document.currentScript.closest('svg') : document.documentElement;
const find = id => svg.getElementById(id);
const side = 10, total = Number(svg.getAttribute('width')) - 2 * side, perCharacter = 7.08;
const matchColor = 'rgb(230,0,230)';

const boxes = Array.from(find('frames').children, (g, index) => {
  const [depth, x, width] = g.getAttribute('data-f').split(' ').map(Number);
  const rect = g.querySelector('rect'), title = g.querySelector('title').textContent;
  g.flameIndex = index;
  return {g, rect, label: g.querySelector('text'), title, name: title.slice(0, title.lastIndexOf(' (')),
          depth, x, width, fill: rect.getAttribute('fill')};
});
const state = {zoom: 0, search: '', ignoreCase: false};

function endOf(index) {
  let end = index + 1;
  while (end < boxes.length && boxes[end].depth > boxes[index].depth) ++end;
  return end;
}

function fitted(name, width) {
  const room = Math.floor(width / perCharacter), characters = Array.from(name);
  if (room < 3) return '';
  return characters.length <= room ? name : characters.slice(0, room - 2).join('') + '..';
}

function place(box, x, width, faded) {
  box.g.style.display = '';
  box.g.style.opacity = faded ? '0.5' : '';
  box.rect.setAttribute('x', x.toFixed(2));
  box.rect.setAttribute('width', width.toFixed(2));
  box.label.setAttribute('x', (x + 3).toFixed(2));
  box.label.textContent = fitted(box.name, width);
}

function show(element, visible) { element.style.display = visible ? 'inline' : 'none'; }

function zoom(index) {
  state.zoom = index > 0 && index < boxes.length ? index : 0;
  const target = boxes[state.zoom], end = endOf(state.zoom), scale = 1 / target.width;
  const ancestors = new Set();
  for (let i = state.zoom - 1, depth = target.depth; i >= 0 && depth > 0; --i) {
    if (boxes[i].depth < depth) { ancestors.add(i); depth = boxes[i].depth; }
  }
  boxes.forEach((box, i) => {
    if (ancestors.has(i)) place(box, side, total, true);
    else if (i >= state.zoom && i < end)
      place(box, side + (box.x - target.x) * scale * total, box.width * scale * total, false);
    else box.g.style.display = 'none';
  });
  show(find('unzoom'), state.zoom > 0);
}

function details(text) {
  const room = Math.floor((total - 130) / perCharacter), characters = Array.from(text);
  find('details').textContent = characters.length > room ? characters.slice(0, room - 2).join('') + '..' : text;
}

function search(term) {
  let pattern = null;
  try {
    if (term) pattern = new RegExp(term, state.ignoreCase ? 'i' : '');
  } catch (error) {
    details('Not a regular expression: ' + term);
    return false;
  }
  state.search = term;
  let counted = 0, matched = 0;
  boxes.forEach((box, i) => {
    const hit = pattern !== null && pattern.test(box.name);
    box.rect.setAttribute('fill', hit ? matchColor : box.fill);
    if (hit && i >= counted) {  // what a match holds is part of it already
      matched += box.width;
      counted = endOf(i);
    }
  });
  find('matched').textContent = pattern ? 'Matched: ' + (100 * matched).toFixed(1) + '%' : '';
  find('search').textContent = pattern ? 'Reset Search' : 'Search';
  return true;
}

function ask() {
  const term = prompt('Search for frames (regular expression):', state.search);
  if (term !== null && search(term)) save();
}

function setIgnoreCase(on) {
  state.ignoreCase = on;
  find('ignorecase').style.opacity = on ? '1' : '0.4';
  search(state.search);
}

function save() {
  const parameters = new URLSearchParams();
  if (state.zoom > 0) parameters.set('zoom', state.zoom);
  if (state.search) parameters.set('search', state.search);
  if (state.ignoreCase) parameters.set('ignorecase', '1');
  try {
    history.replaceState(null, '', '#' + parameters);
  } catch (error) {}  // pictures inside other documents have no address of their own
}

function load() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  state.search = parameters.get('search') || '';
  setIgnoreCase(parameters.get('ignorecase') === '1');
  const index = Number(parameters.get('zoom'));
  zoom(Number.isInteger(index) ? index : 0);
}

const actions = {
  search: () => { if (state.search) { search(''); save(); } else ask(); },
  ignorecase: () => { setIgnoreCase(!state.ignoreCase); save(); },
  unzoom: () => { zoom(0); save(); },
};
for (const [id, action] of Object.entries(actions)) {
  const button = find(id);
  show(button, id !== 'unzoom');
  button.addEventListener('click', action);
  button.addEventListener('keydown', event => { if (event.key === 'Enter') action(); });
}
const boxAt = event => event.target instanceof Element ? event.target.closest('#frames > g') : null;
svg.addEventListener('click', event => {
  const g = boxAt(event);
  if (g) { zoom(g.flameIndex); save(); }
});
svg.addEventListener('mouseover', event => {
  const g = boxAt(event);
  details(g ? boxes[g.flameIndex].title : '');
});
window.addEventListener('keydown', event => {
  const control = event.ctrlKey || event.metaKey;
  if (event.key === 'F3' || (control && event.key === 'f')) { event.preventDefault(); ask(); }
  else if (control && event.key === 'i') { event.preventDefault(); actions.ignorecase(); }
  else if (event.key === 'Escape') { search(''); zoom(0); save(); }
});
window.addEventListener('hashchange', load);
load();
})();
)js";
}

}  // namespace minnow::flame
