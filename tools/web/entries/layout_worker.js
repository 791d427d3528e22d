// Places the nodes of a lineage graph, in a worker: 300 nodes take up to some seconds, in which the page must answer.
import dagre from "@dagrejs/dagre";

self.onmessage = ({ data }) => {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: data.direction, nodesep: 20, ranksep: 40 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, width, height } of data.nodes) graph.setNode(id, { width, height });
  for (const [source, target] of data.edges) graph.setEdge(source, target);
  dagre.layout(graph);
  const places = data.nodes.map(({ id }) => [id, { x: graph.node(id).x, y: graph.node(id).y }]);
  self.postMessage({ asked: data.asked, places: Object.fromEntries(places) });
};
