// Draws the lineage graph.
export { default } from "cytoscape";
